# syntax=docker/dockerfile:1
# Build:  docker build -t loghttp .
# Run:    docker run -p 127.0.0.1:8080:8080 -v loghttp:/data loghttp

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# What decides the packages comes first, so that a change of code alone restores nothing anew.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/LogHttp.Storage/LogHttp.Storage.csproj src/LogHttp.Storage/packages.lock.json src/LogHttp.Storage/
COPY src/LogHttp.Kestrel/LogHttp.Kestrel.csproj src/LogHttp.Kestrel/packages.lock.json src/LogHttp.Kestrel/
COPY src/LogHttp.AspNetCore/LogHttp.AspNetCore.csproj src/LogHttp.AspNetCore/packages.lock.json src/LogHttp.AspNetCore/
COPY src/LogHttp.Server/LogHttp.Server.csproj src/LogHttp.Server/packages.lock.json src/LogHttp.Server/
RUN dotnet restore src/LogHttp.Server --locked-mode
COPY .editorconfig appsettings.json ./
COPY src src
RUN dotnet publish src/LogHttp.Server --no-restore --configuration Release --output /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
# For the health check; the image has neither curl nor wget.
RUN apt-get update && apt-get install --yes --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
# The image's user without rights. A new volume takes the owner of the directory it covers.
RUN mkdir /data && chown "$APP_UID" /data
WORKDIR /app
COPY --from=build /app .
USER $APP_UID
# Inside of a container loopback is nobody's: what is published, and to whom, is said with -p.
ENV LogHttp__DataDirectory=/data \
    ASPNETCORE_HTTP_PORTS= \
    ASPNETCORE_URLS=http://+:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8080/healthz"]
# Longer than ShutdownTimeout, and time for the last commit: docker's own 10 seconds suit it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["dotnet", "LogHttp.Server.dll"]

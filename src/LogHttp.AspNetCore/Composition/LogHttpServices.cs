using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.Kestrel;
using LogHttp.Storage.Waiting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Composition;

/// <summary>The services of the log.</summary>
internal static class LogHttpServices
{
    /// <summary>Reads the settings from the section <c>LogHttp</c>, and checks them at the start.</summary>
    /// <typeparam name="T">The class of the settings. It may have more settings than the log's.</typeparam>
    public static OptionsBuilder<T> AddLogHttpSettings<T>(this IServiceCollection services)
        where T : LogHttpSettings
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<T>, LogHttpSettingsValidator<T>>());
        // Wrapped: a cast of IOptions<T> by its variance costs every request some nanoseconds.
        if (typeof(T) != typeof(LogHttpSettings))
            services.TryAddSingleton(static services =>
                Options.Create<LogHttpSettings>(services.GetRequiredService<IOptions<T>>().Value)
            );
        return services
            .AddOptions<T>()
            .Configure<IConfiguration>(
                static (settings, configuration) =>
                    SettingReader.Read(settings, configuration.GetSection(LogHttpSettings.Section))
            )
            .PostConfigure(static settings => settings.ReplaceOutOfRange())
            .PostConfigure(static settings => MemoryLimit.Apply(settings))
            .ValidateOnStart();
    }

    public static IServiceCollection AddLogHttpServices(this IServiceCollection services)
    {
        services
            .AddOptions<SendFileOptions>()
            .Configure<IOptions<LogHttpSettings>>(
                static (sendFile, settings) =>
                {
                    sendFile.SmallRegionBytes = settings.Value.SmallRegionBytes;
                    sendFile.MaxColdSlices = settings.Value.MaxColdReads;
                }
            );
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static services => SettingsOf(services).ToStorageOptions());
        services.TryAddSingleton(static services =>
        {
            var settings = SettingsOf(services);
            var limits = new BodyLimits(
                settings.MaxReadingBytes,
                settings.MaxClientReadingBytes,
                settings.MinBodyBytesPerSecond,
                settings.BodyTimeout
            );
            return new BodyBudget(limits, services.GetRequiredService<TimeProvider>());
        });
        services.TryAddSingleton(static services => new WaitingRequests(SettingsOf(services).MaxWaiting));
        services.TryAddSingleton(static services => new FollowBudget(SettingsOf(services).MaxFollowingBytes));
        services.TryAddSingleton<IProblemForm, ConfluentProblemForm>();
        services.TryAddSingleton<Deadlines>();
        services.TryAddSingleton<LongPoll>();
        services.TryAddSingleton<FollowServices>();
        services.TryAddSingleton<ProduceServices>();
        services.TryAddSingleton<Verification>();
        services.TryAddSingleton<SortedTopicNames>();
        if (services.All(static service => service.ServiceType != typeof(CatalogHost)))
        {
            services.AddSingleton<CatalogHost>();
            services.AddHostedService(static services => services.GetRequiredService<CatalogHost>());
        }
        services.TryAddSingleton(static services => services.GetRequiredService<CatalogHost>().Catalog);
        return services;
    }

    static LogHttpSettings SettingsOf(IServiceProvider services) =>
        services.GetRequiredService<IOptions<LogHttpSettings>>().Value;
}

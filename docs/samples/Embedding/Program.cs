using Embedding;
using LogHttp.AspNetCore;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Authentication;

// The configuration's file watcher sees every write below the content root, so the log's ./data lies elsewhere.
var builder = WebApplication.CreateBuilder(
    new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory }
);

// The app's own authentication. LogHttp uses the identity in HttpContext.User.
builder
    .Services.AddAuthentication(ApiKeyHandler.Scheme)
    .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.Scheme, null);
builder.Services.AddAuthorization();

// The log. Settings come from the section "LogHttp" of the configuration, and then from here.
builder.Services.AddLogHttp(settings => settings.AutoCreateTopics = false);

// A producer and a consumer in this process.
builder.Services.AddSingleton<OrderProducer>();
builder.Services.AddSingleton<OrderTotals>();
builder.Services.AddHostedService<OrderConsumer>();

// Optional: pages go from the page cache to the socket by sendfile(2).
builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.UseSendFile()));

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();

// All paths of the log, for authenticated users only: POST /log/topics/orders, GET /log/topics/orders/earliest, …
app.MapLogHttp("/log").RequireAuthorization();

// The app's own endpoints, beside it.
app.MapPost(
        "/orders",
        async (Order order, OrderProducer producer) =>
            Results.Created($"/log/topics/{OrderProducer.TopicName}/{await producer.AppendAsync(order)}", order)
    )
    .RequireAuthorization();
app.MapGet("/totals", (OrderTotals totals) => totals.Snapshot());
app.Run();

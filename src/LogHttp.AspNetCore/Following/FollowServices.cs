using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Waiting;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// The services that every endless response needs. They are singletons, because a request's own service scope would be
/// held as long as the response.
/// </summary>
internal sealed class FollowServices(
    WaitingRequests waiting,
    FollowBudget budget,
    Deadlines deadlines,
    TimeProvider time,
    IOptions<LogHttpSettings> settings
)
{
    public WaitingRequests Waiting => waiting;

    public FollowBudget Budget => budget;

    public Deadlines Deadlines => deadlines;

    public TimeProvider Time => time;

    public LogHttpSettings Settings => settings.Value;
}

using LogHttp.Server.Hosting;
using LogHttp.Storage;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Following;

/// <summary>What every answer that does not end needs: asked of the program once, for a request's own scope of services would be held as long.</summary>
internal sealed class FollowServices(WaitingRequests waiting, Deadlines deadlines, IOptions<LogHttpSettings> settings)
{
    public WaitingRequests Waiting => waiting;

    public Deadlines Deadlines => deadlines;

    public LogHttpSettings Settings => settings.Value;
}

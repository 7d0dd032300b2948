using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel;

internal static class RegionErrors
{
    /// <summary>
    /// Aborts the connection of a region that the file could not fill, so that no client takes the part for the whole.
    /// </summary>
    internal static EndOfStreamException AbortCutShort(
        HttpContext context,
        SendFileServices services,
        FileStream file,
        long position,
        long lengthBytes
    )
    {
        SendFileLog.RegionCutShort(services.Logger, context.Connection.Id, file.Name, position, lengthBytes);
        context.Abort();
        return new EndOfStreamException(
            $"{file.Name} ended before the region of {lengthBytes} bytes at position {position} did; the "
                + "connection was aborted."
        );
    }
}

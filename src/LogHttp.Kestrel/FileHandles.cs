using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>
/// The handles of streams that requests share: a stream that is asked for its own calls lseek(2) each time. Any thread.
/// </summary>
internal static class FileHandles
{
    private static readonly ConditionalWeakTable<FileStream, SafeFileHandle> Known = [];

    internal static SafeFileHandle Of(FileStream file) =>
        Known.TryGetValue(file, out var handle) ? handle : Known.GetValue(file, static file => file.SafeFileHandle);
}

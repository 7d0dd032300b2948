using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>
/// Caches the handles of streams that requests share. Each call of <see cref="FileStream.SafeFileHandle"/> costs an
/// lseek(2). Any thread.
/// </summary>
internal static class FileHandles
{
    private static readonly ConditionalWeakTable<FileStream, SafeFileHandle> HandlesByStream = [];

    internal static SafeFileHandle Of(FileStream file) =>
        HandlesByStream.TryGetValue(file, out var handle)
            ? handle
            : HandlesByStream.GetValue(file, static file => file.SafeFileHandle);
}

using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <content>The volume as a whole.</content>
public sealed partial class PowerCutFileSystem
{
    sealed class PowerCutVolume(PowerCutFileSystem fileSystem) : IVolume
    {
        public string Name => "/";

        public bool CanSyncAll => Disk.CanSyncAll;

        SimulatedDisk Disk => fileSystem._disk;

        public void SyncAll()
        {
            lock (Disk.Gate)
            {
                if (!CanSyncAll)
                    throw new NotSupportedException("This volume was created without SyncAll.");
                var fault = fileSystem.Announce(FileSystemCallKind.SyncAll, Name, 0, out var call);
                if (IsError(fault))
                {
                    Disk.FailSyncAll(fault);
                    throw Error(fault, call);
                }
                Disk.SyncAll();
                fileSystem.End(fault);
            }
        }
    }
}

using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Files;

/// <summary>
/// What the file journal needs of the operating system. Linux has all of it; elsewhere the nearest that the base class
/// library offers stands in, which has not been run there (docs/JOURNAL.md, "Other systems").
/// </summary>
internal abstract class Platform
{
    public static Platform Current { get; } = OperatingSystem.IsLinux() ? new LinuxPlatform() : new PortablePlatform();

    /// <summary>Locks the turn file's byte; see <see cref="Linux.LockByte"/>.</summary>
    public abstract bool TryLock(TurnHandle turn, TurnByte which, bool shared);

    public abstract void Lock(TurnHandle turn, TurnByte which, bool shared);

    public abstract void Unlock(TurnHandle turn, TurnByte which);

    public virtual long Length(SafeFileHandle file) => RandomAccess.GetLength(file);

    public abstract void FlushData(SafeFileHandle file);

    public abstract void FlushDirectory(string path);

    /// <summary>Gives the file its name, which nobody may have yet.</summary>
    public abstract bool TryPublish(string temporary, string path);

    /// <summary>What tells the file at a path from one that replaced it.</summary>
    public abstract (ulong, ulong) Identify(string path);

    public abstract string? NetworkFileSystem(string directory);

    private sealed class LinuxPlatform : Platform
    {
        public override bool TryLock(TurnHandle turn, TurnByte which, bool shared) =>
            Linux.LockByte(turn.File, (long)which, shared ? Linux.ReadLock : Linux.WriteLock, wait: false);

        public override void Lock(TurnHandle turn, TurnByte which, bool shared) =>
            Linux.LockByte(turn.File, (long)which, shared ? Linux.ReadLock : Linux.WriteLock, wait: true);

        public override void Unlock(TurnHandle turn, TurnByte which) => Linux.LockByte(turn.File, (long)which, Linux.Unlock, wait: false);

        public override long Length(SafeFileHandle file) => Linux.Length(file);

        public override void FlushData(SafeFileHandle file) => Linux.FlushData(file);

        public override void FlushDirectory(string path) => Linux.FlushDirectory(path);

        public override bool TryPublish(string temporary, string path)
        {
            var done = Linux.TryLink(temporary, path);
            File.Delete(temporary);
            return done;
        }

        public override (ulong, ulong) Identify(string path) => Linux.Identify(path);

        public override string? NetworkFileSystem(string directory) => Linux.NetworkFileSystem(directory);
    }

    /// <summary>
    /// A lock is a file beside the turn file that is open and shared with nobody; the system closes it when its holder dies.
    /// Waiting is trying again, so turns are less fair; a shared lock is none, so every writer scans the tail when it opens.
    /// </summary>
    internal sealed class PortablePlatform : Platform
    {
        public override bool TryLock(TurnHandle turn, TurnByte which, bool shared)
        {
            if (shared) return true;
            try
            {
                turn.Portable[which] = File.OpenHandle(
                    $"{turn.Path}.{(int)which}", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }

        public override void Lock(TurnHandle turn, TurnByte which, bool shared)
        {
            if (shared) return;
            var wait = new SpinWait();
            while (!TryLock(turn, which, shared)) wait.SpinOnce(sleep1Threshold: 10);
        }

        public override void Unlock(TurnHandle turn, TurnByte which)
        {
            if (turn.Portable.Remove(which, out var held)) held.Dispose();
        }

        public override void FlushData(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

        public override void FlushDirectory(string path)
        {
            // Windows and macOS offer no such call; their file systems journal names themselves.
        }

        public override bool TryPublish(string temporary, string path)
        {
            try
            {
                File.Move(temporary, path, overwrite: false);
                return true;
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(temporary);
                return false;
            }
        }

        public override (ulong, ulong) Identify(string path) => (0, 0);

        public override string? NetworkFileSystem(string directory) => null;
    }
}

/// <summary>Bytes of the turn file that are locked, never written: they lie behind its end.</summary>
internal enum TurnByte
{
    /// <summary>Held by whoever may append.</summary>
    Turn = 4096,

    /// <summary>Shared by everybody who has the journal open.</summary>
    Attached = 4097,
}

internal sealed class TurnHandle(string path) : IDisposable
{
    public string Path => path;

    // No FileShare.None here: it would be a second lock, on the whole file.
    public SafeFileHandle File { get; } = System.IO.File.OpenHandle(
        path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    public Dictionary<TurnByte, SafeFileHandle> Portable { get; } = [];

    public void Dispose()
    {
        foreach (var held in Portable.Values) held.Dispose();
        File.Dispose();
    }
}

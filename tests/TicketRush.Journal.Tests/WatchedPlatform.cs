using Microsoft.Win32.SafeHandles;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>This machine's platform, with its flushes counted and, when told to, failing.</summary>
internal sealed class WatchedPlatform : Platform
{
    public int Flushes { get; private set; }

    /// <summary>Called before each flush.</summary>
    public Action BeforeFlush { get; set; } = () => { };

    public override bool TryLock(TurnHandle turn, TurnByte which, bool shared) => Current.TryLock(turn, which, shared);

    public override void Lock(TurnHandle turn, TurnByte which, bool shared) => Current.Lock(turn, which, shared);

    public override void Unlock(TurnHandle turn, TurnByte which) => Current.Unlock(turn, which);

    public override void FlushData(SafeFileHandle file)
    {
        BeforeFlush();
        Current.FlushData(file);
        Flushes++;
    }

    public override void FlushDirectory(string path) => Current.FlushDirectory(path);

    public override bool TryPublish(string temporary, string path) => Current.TryPublish(temporary, path);

    public override (ulong, ulong) Identify(string path) => Current.Identify(path);

    public override string? NetworkFileSystem(string directory) => Current.NetworkFileSystem(directory);
}

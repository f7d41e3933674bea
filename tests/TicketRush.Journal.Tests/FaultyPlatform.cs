using Microsoft.Win32.SafeHandles;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>
/// The system's own platform, whose flush of a file fails, dawdles or tells somebody first, as the test says. The flush of a
/// batch fails after its bytes were written: that is what a failing disk looks like to a program.
/// </summary>
internal sealed class FaultyPlatform : Platform
{
    private int _flushes;

    /// <summary>Flushes of files that were asked for, failed ones too.</summary>
    public int Flushes => Volatile.Read(ref _flushes);

    /// <summary>Told the number of the flush, from 1, before it happens; what it throws is how the flush fails.</summary>
    public Action<int>? OnFlush { get; set; }

    /// <summary>Told before a file gets its name.</summary>
    public Action? OnPublish { get; init; }

    /// <summary>Whether a directory cannot be flushed.</summary>
    public bool FailsDirectories { get; init; }

    public static IOException Failure() => new("Input/output error (injected)");

    /// <summary>Fails the n-th flush from now on, and no other.</summary>
    public void FailAt(int n)
    {
        var at = Flushes + n;
        OnFlush = flush =>
        {
            if (flush == at) throw Failure();
        };
    }

    public void FailAlways() => OnFlush = _ => throw Failure();

    public override void FlushData(SafeFileHandle file)
    {
        var flush = Interlocked.Increment(ref _flushes);
        OnFlush?.Invoke(flush);
        Current.FlushData(file);
    }

    public override bool TryLock(TurnHandle turn, TurnByte which, bool shared) => Current.TryLock(turn, which, shared);

    public override void Lock(TurnHandle turn, TurnByte which, bool shared) => Current.Lock(turn, which, shared);

    public override void Unlock(TurnHandle turn, TurnByte which) => Current.Unlock(turn, which);

    public override void FlushDirectory(string path)
    {
        if (FailsDirectories) throw Failure();
        Current.FlushDirectory(path);
    }

    public override bool TryPublish(string temporary, string path)
    {
        OnPublish?.Invoke();
        return Current.TryPublish(temporary, path);
    }

    public override (ulong, ulong) Identify(string path) => Current.Identify(path);

    public override string? NetworkFileSystem(string directory) => Current.NetworkFileSystem(directory);
}

using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Audit;

/// <summary>The bytes of a journal as docs/JOURNAL.md has them, and what stands beside them, wherever they are kept. Only reads.</summary>
internal abstract class AuditSource : IDisposable
{
    /// <summary>What people call it.</summary>
    public abstract string Name { get; }

    /// <summary>Bytes that are there now.</summary>
    public abstract long Length { get; }

    /// <summary>Whether a writer has it open, so that the durable end is up to date.</summary>
    public abstract bool IsOpen { get; }

    /// <summary>Whether somebody holds the turn now.</summary>
    public abstract bool IsInTurn { get; }

    /// <summary>The durable end; null where nothing names one.</summary>
    public abstract AuditTurn? Turn();

    /// <summary>Forgets what was read: it may have changed since.</summary>
    public abstract void Refresh();

    /// <returns>Fewer bytes than asked for when it ends before. Valid until the next call.</returns>
    public abstract ReadOnlySpan<byte> At(long offset, int count);

    public abstract void Dispose();
}

/// <summary>A file, read a window at a time, with its .turn file.</summary>
internal sealed class AuditFile(string path) : AuditSource
{
    private readonly SafeFileHandle _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
    private readonly string _turnPath = Path.ChangeExtension(path, ".turn");
    private readonly byte[] _window = new byte[AuditBatch.LengthMax];
    private long _start;
    private int _length;

    public override string Name => path;

    public override long Length => RandomAccess.GetLength(_file);

    public override bool IsOpen => AuditTurn.IsLocked(_turnPath, AuditTurn.AttachedByte);

    public override bool IsInTurn => AuditTurn.IsLocked(_turnPath, AuditTurn.TurnByte);

    public override AuditTurn? Turn() => AuditTurn.Read(_turnPath);

    public override void Refresh() => _length = 0;

    public override ReadOnlySpan<byte> At(long offset, int count)
    {
        if (offset < _start || offset + count > _start + _length)
        {
            (_start, _length) = (offset, 0);
            while (_length < _window.Length)
            {
                var read = RandomAccess.Read(_file, _window.AsSpan(_length), offset + _length);
                if (read == 0) break;
                _length += read;
            }
        }

        var at = (int)(offset - _start);
        return _window.AsSpan(at, Math.Clamp(_length - at, 0, count));
    }

    public override void Dispose() => _file.Dispose();
}

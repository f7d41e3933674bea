using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.ExceptionServices;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>Tasks that go to one worker together, in one message.</summary>
internal abstract class Chunk
{
    public required int Count { get; init; }

    /// <summary>How many workers were lost with it in hand.</summary>
    public int Losses { get; set; }

    /// <summary>How many workers ended before they had read it whole.</summary>
    public int Returns { get; set; }

    /// <summary>Nobody wants its results any more: it need not begin.</summary>
    public bool IsDropped { get; set; }

    /// <summary>Noted by whoever waits for it.</summary>
    public bool IsDone { get; set; }

    /// <summary>Writes the message for a worker.</summary>
    public abstract void Write(IBufferWriter<byte> message);

    /// <summary>Takes the worker's reply, and is done.</summary>
    public abstract void Answer(ReadOnlySpan<byte> reply);

    /// <summary>Has no results, and is done.</summary>
    public abstract void Fail(Exception failure);

    /// <summary>Nobody asks for it any more, and no worker has it.</summary>
    public abstract void Drop();
}

/// <summary>Tasks of one call, from their inputs to their results.</summary>
internal sealed class Chunk<TIn, TOut>(
    Call<TIn, TOut> call, ReadOnlyMemory<TIn> inputs, Memory<TOut> results, Action<Chunk<TIn, TOut>> done) : Chunk
{
    private ReadOnlyMemory<byte>? _written;
    private Exception? _notWritten;
    private SharedObject[] _kept = [];

    /// <summary>Before which task the results end; all are there if there is no failure.</summary>
    public int Good { get; private set; }

    /// <summary>Of the first task that has no result.</summary>
    public Exception? Failure { get; private set; }

    public ReadOnlyMemory<TOut> Results => results;

    /// <summary>
    /// Where inputs may refer to what is shared: writes the message now, and keeps that until the end, so that whoever gave the inputs may
    /// let go of theirs as soon as the call has returned.
    /// </summary>
    public Chunk<TIn, TOut> Prepare()
    {
        if (!call.Inputs.MayShare) return this;
        using var handover = Handover.Keep();
        try
        {
            var message = new ArrayBufferWriter<byte>();
            WriteNow(message);
            _written = message.WrittenMemory;
            _kept = handover.TakeKept();
        }
        catch (Exception notWritten)
        {
            _notWritten = notWritten;
        }

        return this;
    }

    public override void Write(IBufferWriter<byte> message)
    {
        if (_notWritten is not null) ExceptionDispatchInfo.Throw(_notWritten);
        if (_written is { } written) message.Write(written.Span);
        else WriteNow(message);
    }

    public override void Answer(ReadOnlySpan<byte> reply)
    {
        try
        {
            var good = BinaryPrimitives.ReadInt32LittleEndian(reply[^sizeof(int)..]);
            reply = reply[..^sizeof(int)];
            call.Results.Read(ref reply, results.Span[..good]);
            Good = good;
            if (good < Count) Failure = Pools.Failure.Read(reply);
        }
        catch (Exception failure)
        {
            Failure = failure;
        }

        End();
    }

    public override void Fail(Exception failure)
    {
        Failure = failure;
        End();
    }

    public override void Drop() => LetGo();

    private void End()
    {
        LetGo();
        done(this);
    }

    private void LetGo()
    {
        foreach (var shared in _kept) shared.Dispose();
        _kept = [];
    }

    private void WriteNow(IBufferWriter<byte> message)
    {
        Framed.Write(message, Count);
        Framed.WriteBytes(message, call.Target);
        call.Inputs.Write(inputs.Span, message);
    }
}

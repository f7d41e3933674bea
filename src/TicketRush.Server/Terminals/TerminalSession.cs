using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Terminals;

/// <summary>
/// One connection of the terminals port: reads commands, hands them to the sale in the order in which they were sent, and answers in that
/// order, with one flush for everything that arrived together.
/// <para>
/// Commands for one sale that stand behind each other are submitted together, so that they share a turn and a flush of the journal. A
/// command for another sale, or one that is answered at once, waits for those before it: whoever sends A, then B, never finds B done and A
/// not begun, unless A was answered BUSY.
/// </para>
/// </summary>
internal sealed class TerminalSession
{
    // Several of the longest commands: what lies scattered is joined so far to be read.
    private const int JoinMax = 2 * TerminalLimits.CommandBytesMax;

    // So many submissions a quiet connection keeps.
    private const int SubmissionsKept = 32;

    /// <summary>Why reading stopped.</summary>
    private enum Step : byte
    {
        None = 0,

        /// <summary>No whole command is left.</summary>
        NeedMore = 1,

        /// <summary>What was asked must be answered before the next command is looked at.</summary>
        Answer = 2,

        /// <summary>This command was taken; the next may be.</summary>
        Taken = 3,
        End = 4,
    }

    private readonly TerminalServices _services;
    private readonly ConnectionContext _connection;
    private readonly Door.Guest _guest;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly RespParser _parser = new();
    private readonly RespWriter _writer;
    private readonly TerminalAnswers _answers;
    private readonly TerminalDesk _desk;
    private readonly byte[] _saleName = new byte[64];
    private readonly long _openedAt = Environment.TickCount64;

    private Submission[] _submissions = new Submission[4];
    private TerminalVerb[] _asked = new TerminalVerb[4];
    private int _askedCount;
    private OpenSale? _sale;
    private int _saleNameLength;
    private TerminalCommand? _lastCommand;
    private byte[] _joined = [];

    private long _heardAt = Environment.TickCount64;
    private long _flushingSince;
    private volatile TerminalEnd? _ending;

    public TerminalSession(TerminalServices services, ConnectionContext connection, Door.Guest guest)
    {
        (_services, _connection, _guest) = (services, connection, guest);
        (_input, _output) = (connection.Transport.Input, connection.Transport.Output);
        _writer = new(_output);
        _answers = new(_writer, services.TurnedAway);
        _desk = new(services, connection, _writer, _answers, guest);
    }

    private bool HasMuchToSend => _output.CanGetUnflushedBytes && _output.UnflushedBytes >= _services.Limits.OutputMax;

    /// <summary>Serves until the connection ends. Everything that was asked is answered first, unless nobody reads any more.</summary>
    public async Task RunAsync()
    {
        _connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static session => ((TerminalSession)session).Beat(), this);
        using var stopping = _connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            .UnsafeRegister(static session => ((TerminalSession)session!).End(TerminalEnd.Quietly), this);
        try
        {
            while (_ending is null && await ServeAsync())
            {
            }

            if (_ending is { Error: { } error })
            {
                // Its last words; who does not read them has had its time.
                using (await _desk.Watching.EnterAsync())
                {
                    _answers.WriteError(error);
                    await FlushAsync();
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionAbortedException)
        {
            // The peer is gone. What was submitted is decided all the same, and told to whoever asks again with its id.
        }
        finally
        {
            await _desk.Watching.DisposeAsync();
            _guest.Dispose();
        }
    }

    /// <returns>False at the end.</returns>
    private async ValueTask<bool> ServeAsync()
    {
        var read = await _input.ReadAsync();
        if (read.IsCanceled) return false;
        if (!read.Buffer.IsEmpty) Volatile.Write(ref _heardAt, Environment.TickCount64);

        // While a watch writes between replies, one of both has the output.
        using var turn = await _desk.Watching.EnterAsync();
        if (!_desk.IsKeyLive) End(TerminalEnd.Revoked);
        var (step, done) = (Step.None, 0L);
        while (_ending is null)
        {
            step = Take(read.Buffer, ref done);
            if (_askedCount > 0) await AnswerAsync();
            if (step != Step.Answer) break;
            if (HasMuchToSend) await FlushAsync();
        }

        _input.AdvanceTo(read.Buffer.GetPosition(done), read.Buffer.End);
        await FlushAsync();
        _desk.Watching.Start();
        return step == Step.NeedMore && !read.IsCompleted;
    }

    /// <summary>Takes commands from the buffer until there is none, or one must wait for those before it. Answers what is answered at
    /// once.</summary>
    /// <param name="done">Bytes of the buffer that were taken.</param>
    private Step Take(in ReadOnlySequence<byte> buffer, ref long done)
    {
        var left = buffer.Slice(done);
        var input = left.FirstSpan;
        if (!left.IsSingleSegment) input = Join(left);
        for (var at = 0; ;)
        {
            // A few bytes may ask for very many: who does not read the first replies is not served the others.
            if (_askedCount == 0 && HasMuchToSend) return Step.Answer;
            var status = _parser.Parse(input[at..], out var length);
            if (status == RespStatus.NeedMore) return input.Length < left.Length && at > 0 ? Step.Answer : Step.NeedMore;
            if (status == RespStatus.Malformed)
            {
                if (_askedCount > 0) return Step.Answer;
                _answers.WriteError(new("PROTOCOL_ERROR", $"This is no command: {_parser.Error}. The connection ends."));
                return Step.End;
            }

            if (_parser.Count > 0)
            {
                var step = Take(new Words(input.Slice(at, length), _parser), isLine: input[at] != (byte)'*');
                if (step == Step.Answer) return step;
                if (step == Step.End)
                {
                    done += length;
                    return step;
                }
            }

            at += length;
            done += length;
        }
    }

    /// <returns>Answer when the command must be looked at again, after those before it were answered.</returns>
    private Step Take(in Words words, bool isLine)
    {
        var command = _lastCommand is { } last && last.Is(words[0]) ? last : TerminalCommand.Find(words[0]);
        if (command is null || !command.Takes(words.Count) || !_desk.May(command))
        {
            if (_askedCount > 0) return Step.Answer;

            // Lines are for people. Another protocol that speaks in lines has come to the wrong port, perhaps sent by somebody's browser.
            _desk.TurnAway(command, words);
            return command is null && isLine ? Step.End : Step.Taken;
        }

        _lastCommand = command;
        if (command.Asks != CommandKind.None) return Ask(command, words);
        if (_askedCount > 0) return Step.Answer;
        return _desk.Do(command, words) ? Step.Taken : Step.End;
    }

    private Step Ask(TerminalCommand command, in Words words)
    {
        if (!words[1].SequenceEqual(_saleName.AsSpan(0, _saleNameLength)) || _sale?.Sequencer is null)
        {
            if (_askedCount > 0) return Step.Answer;
            if (!TryFindSale(words)) return Step.Taken;
        }

        if (_askedCount == TerminalLimits.PipelineMax) return Step.Answer;
        var sequencer = _sale!.Sequencer!;
        var submission = Submission();
        if (_services.Asking.Write(command, words, _desk.Caller, sequencer.Snapshot!.Plan, submission) is { } error)
        {
            if (_askedCount > 0) return Step.Answer;
            _answers.WriteError(error);
            return Step.Taken;
        }

        _asked[_askedCount++] = command.Verb;
        return Step.Taken;
    }

    private bool TryFindSale(in Words words)
    {
        _saleNameLength = 0;
        var name = words.Text(1);
        try
        {
            _sale = _services.Sales.Find(name);
        }
        catch (NotKnownNowException)
        {
            _sale = null;
            var (code, detail) = Problems.NotKnownNowTold;
            _answers.WriteError(new(code, detail));
            return false;
        }

        if (_sale?.Sequencer?.Snapshot is null)
        {
            _answers.WriteError(_sale is null ? new("UNKNOWN_SALE", Problems.UnknownSaleDetail(name)) : new("SALE_STOPPED",
                Problems.StoppedDetail(_sale)));
            return false;
        }

        words[1].CopyTo(_saleName);
        _saleNameLength = words[1].Length;
        return true;
    }

    private async ValueTask AnswerAsync()
    {
        // The last is decided last. Waiting for it first wakes this connection once, not once for each command.
        var count = _askedCount;
        _sale!.Sequencer!.Submit(_submissions.AsSpan(0, count));
        var last = await _submissions[count - 1].Answer;
        for (var i = 0; i < count; i++)
        {
            var outcome = i == count - 1 ? last : await _submissions[i].Answer;
            _answers.Write(_asked[i], outcome, _submissions[i], _sale!);

            // The sequencer may still hold it: it is not used again.
            if (outcome == Outcome.Unknown) _submissions[i] = null!;
        }

        _askedCount = 0;
        if (_submissions.Length > SubmissionsKept && count <= SubmissionsKept / 4)
            (_submissions, _asked) = (_submissions[..SubmissionsKept], new TerminalVerb[SubmissionsKept]);
    }

    private Submission Submission()
    {
        if (_askedCount == _submissions.Length)
        {
            Array.Resize(ref _submissions, 2 * _askedCount);
            Array.Resize(ref _asked, 2 * _askedCount);
        }

        return _submissions[_askedCount] ??= new();
    }

    private ReadOnlySpan<byte> Join(scoped in ReadOnlySequence<byte> left)
    {
        var length = (int)Math.Min(left.Length, JoinMax);
        if (_joined.Length < length)
            _joined = new byte[Math.Max(4_096, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length))];
        left.Slice(0, length).CopyTo(_joined);
        return _joined.AsSpan(0, length);
    }

    private async ValueTask FlushAsync()
    {
        _writer.Hand();
        var flush = _output.FlushAsync();
        if (flush.IsCompletedSuccessfully)
        {
            if (flush.Result.IsCompleted) End(TerminalEnd.Quietly);
            return;
        }

        Volatile.Write(ref _flushingSince, Environment.TickCount64);
        if ((await flush).IsCompleted) End(TerminalEnd.Quietly);
        Volatile.Write(ref _flushingSince, 0);
    }

    /// <summary>Once a second, by the server's heartbeat: whether this connection has had its time.</summary>
    private void Beat()
    {
        var now = Environment.TickCount64;
        var limits = _services.Limits;
        if (HasPassed(Volatile.Read(ref _flushingSince), limits.SlowReaderMax)
            || HasPassed(_desk.Watching.FlushingSince, limits.SlowReaderMax))
            _connection.Abort(new ConnectionAbortedException("It does not read what it is sent."));
        else if (!_desk.IsKnown && HasPassed(_openedAt, limits.HandshakeMax)) End(TerminalEnd.Stranger);
        else if (!_desk.IsKeyLive) End(TerminalEnd.Revoked);
        else if (!_desk.Watching.IsWatching && HasPassed(Volatile.Read(ref _heardAt), limits.IdleMax)) End(TerminalEnd.Idle);

        bool HasPassed(long since, TimeSpan most) => since != 0 && now - since > most.TotalMilliseconds;
    }

    private void End(TerminalEnd end)
    {
        _ending ??= end;
        _input.CancelPendingRead();
    }
}

/// <summary>Why the server ends a connection, and what it says then.</summary>
internal sealed record TerminalEnd(TerminalError? Error)
{
    public static TerminalEnd Quietly { get; } = new((TerminalError?)null);

    public static TerminalEnd Stranger { get; } =
        new(new TerminalError("HANDSHAKE_TIMEOUT", "You did not say who you are in time. Send AUTH first."));

    public static TerminalEnd Revoked { get; } = new(new TerminalError("UNAUTHORIZED", "The key was revoked."));

    public static TerminalEnd Idle { get; } =
        new(new TerminalError("IDLE_TIMEOUT", "Nothing was asked for a long time. Send PING now and then, or connect again."));
}

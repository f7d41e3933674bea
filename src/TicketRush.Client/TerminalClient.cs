using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace TicketRush.Client;

/// <summary>
/// The terminals port, typed: one connection for any number of callers, whose commands share it without waiting for each other's answers.
/// When it breaks, or the server owes an answer and says nothing for <see cref="RushRetry.AnswerMax"/>, another is opened and everything
/// that has no answer yet is asked again, in the order in which it was asked first; with the ids that the callers made that is the same
/// request, so nothing is done twice. For every thread.
/// <para>
/// A command ends in one of three ways: with its answer; with a <see cref="RushRefusedException"/> or <see cref="RushImpostorException"/>,
/// and nothing happened; or with a <see cref="RushUnknownException"/>, and it is asked again with the same id. Who cancels does not know
/// either: a command that is on its way is not called back. What would not fit into a command is an <see cref="ArgumentException"/>,
/// and nothing is sent.
/// </para>
/// </summary>
public sealed class TerminalClient : IAsyncDisposable
{
    private const int BatchBytesMax = 64 * 1024;

    private readonly TerminalOptions _options;
    private readonly Channel<TerminalCall> _waiting = Channel.CreateUnbounded<TerminalCall>(new() { SingleReader = true });
    private readonly SemaphoreSlim _room;
    private readonly Queue<TerminalCall> _sent = new();
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    // Connections in a row on which nothing was answered, and why the last one ended.
    private volatile int _tries;
    private volatile Exception? _failure;

    /// <summary>Connects in the background; the first command waits for it.</summary>
    /// <param name="options">Where to, and with which key.</param>
    /// <exception cref="ArgumentException">Something in the options is missing or out of bounds.</exception>
    public TerminalClient(TerminalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        (_options, _room) = (options, new(options.PipelineMax));
        _running = Task.Run(RunAsync);
    }

    /// <summary>Holds and pays in one. The same id with the same request gives the first answer again.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="buyer">Your own name for who it is for, 1 to 256 bytes; only its keyed hash is kept.</param>
    /// <param name="tier">A tier of the plan.</param>
    /// <param name="quantity">How many places, 1 or more.</param>
    /// <param name="reference">Names the payment; required where money is collected.</param>
    /// <param name="places">Which places; null for any.</param>
    /// <param name="stop">Ends the waiting. It may be bought all the same.</param>
    /// <exception cref="RushRefusedException">Nothing was bought.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same id.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalOrder> BuyAsync(
        string sale, Guid id, string buyer, string tier, int quantity, string? reference = null, TerminalPlaces? places = null,
        CancellationToken stop = default)
    {
        List<string> words = ["BUY", sale, Text(id), buyer, tier, Text(quantity)];
        if (reference is not null) words.AddRange(["REFERENCE", reference]);
        places?.AddTo(words);
        return AskAsync(words, TerminalReplies.Order, stop);
    }

    /// <summary>Keeps places until a time. The same id with the same request gives the first answer again.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="buyer">Your own name for who it is for, 1 to 256 bytes; only its keyed hash is kept.</param>
    /// <param name="tier">A tier of the plan.</param>
    /// <param name="quantity">How many places, 1 or more.</param>
    /// <param name="places">Which places; null for any.</param>
    /// <param name="stop">Ends the waiting. It may be held all the same.</param>
    /// <exception cref="RushRefusedException">Nothing is kept.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same id.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalHold> HoldAsync(
        string sale, Guid id, string buyer, string tier, int quantity, TerminalPlaces? places = null, CancellationToken stop = default)
    {
        List<string> words = ["HOLD", sale, Text(id), buyer, tier, Text(quantity)];
        places?.AddTo(words);
        return AskAsync(words, TerminalReplies.Hold, stop);
    }

    /// <summary>Keeps the places of a hold for longer.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's.</param>
    /// <param name="key">Names this extension, 1 to 256 bytes, the same when it is asked again.</param>
    /// <param name="stop">Ends the waiting. It may be extended all the same.</param>
    /// <exception cref="RushRefusedException">It is not extended.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same key.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalHold> ExtendAsync(string sale, Guid id, string key, CancellationToken stop = default) =>
        AskAsync(["EXTEND", sale, Text(id), key], TerminalReplies.Hold, stop);

    /// <summary>Makes an order of a hold, for which the money was taken.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's; it is the order's from then on.</param>
    /// <param name="reference">Names the payment, once for each payment; required where money is collected.</param>
    /// <param name="stop">Ends the waiting. It may be paid all the same.</param>
    /// <exception cref="RushRefusedException">It is not paid. Where the detail names a sequence the payment is owed back.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same reference.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalOrder> PayAsync(string sale, Guid id, string reference = "", CancellationToken stop = default) =>
        AskAsync(["PAY", sale, Text(id), reference], TerminalReplies.Order, stop);

    /// <summary>Gives the places of a hold back. To release what is released is no error.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's.</param>
    /// <param name="stop">Ends the waiting. It may be released all the same.</param>
    /// <exception cref="RushRefusedException">It is not released.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalHold> ReleaseAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(["RELEASE", sale, Text(id)], TerminalReplies.Hold, stop);

    /// <summary>An order as it stands.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The order's.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">There is none, with UNKNOWN_ORDER; or it may not be seen.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalOrder> OrderAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(["ORDER", sale, Text(id)], TerminalReplies.Order, stop, changes: false);

    /// <summary>Takes tickets back. The money is the caller's to give back.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The order's.</param>
    /// <param name="key">Names this refund, 1 to 256 bytes, the same when it is asked again.</param>
    /// <param name="reason">A code such as cannot-come: it is kept for ever.</param>
    /// <param name="resell">Puts the places back on sale; otherwise they are blocked.</param>
    /// <param name="tickets">Their numbers; null for all that are left.</param>
    /// <param name="stop">Ends the waiting. It may be refunded all the same.</param>
    /// <exception cref="RushRefusedException">Nothing is refunded.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same key.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<TerminalRefund> RefundAsync(
        string sale, Guid id, string key, string reason, bool resell, IEnumerable<long>? tickets = null, CancellationToken stop = default)
    {
        List<string> words = ["REFUND", sale, Text(id), key, reason, resell ? "RESELL" : "BLOCK"];
        if (tickets is not null) words.AddRange(["TICKETS", .. tickets.Select(ticket => ticket.ToString(CultureInfo.InvariantCulture))]);
        return AskAsync(words, TerminalReplies.Refund, stop);
    }

    /// <summary>All sales, as they stand.</summary>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">The key may not see them.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<IReadOnlyList<TerminalSale>> SalesAsync(CancellationToken stop = default) =>
        AskAsync(["SALES"], TerminalReplies.Sales, stop, changes: false);

    /// <summary>Places of a tier that are free to everybody.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="tier">A tier of the plan.</param>
    /// <param name="from">The stop where the journey begins, where something travels; null for places that are free all the way.</param>
    /// <param name="to">The stop where it ends.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">There is no such sale, tier or journey.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task<long> AvailableAsync(string sale, string tier, string? from = null, string? to = null, CancellationToken stop = default) =>
        AskAsync(
            from is null ? ["AVAILABLE", sale, tier] : ["AVAILABLE", sale, tier, "FROM", from, "TO", to ?? ""],
            TerminalReplies.Number, stop, changes: false);

    /// <summary>Asks whether the server is there and has the key.</summary>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key. Nothing was sent.</exception>
    public Task PingAsync(CancellationToken stop = default) => AskAsync(["PING"], TerminalReplies.Text, stop, changes: false);

    /// <summary>
    /// Every entry of the sale that concerns the key, behind the given sequence, in order, as they come; on a connection of its own, which
    /// is opened anew when it breaks or the server is out of reach, and goes on behind the last entry that was given. Ends only when it is
    /// cancelled, refused, or the client is disposed.
    /// </summary>
    /// <param name="sale">The sale.</param>
    /// <param name="after">The last sequence that the caller has; 0 for all entries.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="RushRefusedException">The sale cannot be watched, or not by this key.</exception>
    /// <exception cref="RushUnknownException">An entry came that cannot be read here.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async IAsyncEnumerable<TerminalEntry> WatchAsync(
        string sale, long after = 0, [EnumeratorCancellation] CancellationToken stop = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _stop.Token);
        var entries = TerminalWatch.RunAsync(_options, sale, after, either.Token).GetAsyncEnumerator(CancellationToken.None);
        await using (entries.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await entries.MoveNextAsync().ConfigureAwait(false)) yield break;
                }
                catch (OperationCanceledException)
                {
                    stop.ThrowIfCancellationRequested();
                    ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
                    throw;
                }

                yield return entries.Current;
            }
        }
    }

    /// <summary>
    /// Ends the connection and every watch. A command that was sent and has no answer is unknown; one that was never sent, or comes now,
    /// is told that the client is disposed.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    // Where it changes nothing it does not matter that it may have been done and nobody was told.
    private async Task<T> AskAsync<T>(List<string> words, Func<object?, T> read, CancellationToken stop, bool changes = true)
    {
        var (what, frame) = (words[0], TerminalConnection.Frame(words));
        var until = Environment.TickCount64 + (long)_options.Retry.For.TotalMilliseconds;
        var mayBeDone = false;
        for (var tries = 0; ; tries++)
        {
            object? reply;
            try
            {
                var call = new TerminalCall(frame, _room);
                reply = await AnswerAsync(call, until, stop).ConfigureAwait(false);
                mayBeDone |= changes && call.Sends > 1;
            }
            catch (TimeoutException e)
            {
                throw new RushUnknownException(
                    $"{what}: there was no answer in {_options.Retry.For.TotalSeconds:0.#} s. Ask again with the same id.", _failure ?? e);
            }
            catch (Exception e) when (mayBeDone && e is RushImpostorException or RushRefusedException or ObjectDisposedException)
            {
                // True of this try alone.
                throw new RushUnknownException($"{what}: an earlier try may have been done. Ask again with the same id.", e);
            }

            if (reply is not TerminalFailure failure)
            {
                try
                {
                    return read(reply);
                }
                catch (FormatException e)
                {
                    throw new RushUnknownException($"{what}: it was answered in a way that is not known here.", e);
                }
            }

            mayBeDone |= changes && RushCodes.MayBeDone(failure.Code);
            var pause = _options.Retry.PauseAfter(tries);
            if (!RushCodes.IsWorthAnotherTry(failure.Code) || Environment.TickCount64 + pause.TotalMilliseconds >= until)
                throw RushCodes.Verdict(what, failure.Refused(), mayBeDone);

            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _stop.Token);
            await Task.Delay(pause, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <exception cref="TimeoutException">There was no answer until then.</exception>
    private async Task<object?> AnswerAsync(TerminalCall call, long until, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (!await _room.WaitAsync(Left(), stop).ConfigureAwait(false)) throw new TimeoutException();
        if (!_waiting.Writer.TryWrite(call))
        {
            call.Leave();
            throw new ObjectDisposedException(nameof(TerminalClient));
        }

        try
        {
            return await call.Answer.WaitAsync(Left(), stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            call.Forget();
            throw;
        }

        TimeSpan Left() => TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64));
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                // Who was turned away for what it is comes back when somebody asks for it.
                if (_failure is RushException) await _waiting.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false);
                await ServeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Whatever it is: another connection is the only remedy, and who waits in vain is told the reason.
                if (_stop.IsCancellationRequested) break;
                _failure = e;
                if (e is RushException) FailAll(e);
            }

            await Task.Delay(_options.Retry.PauseAfter(_tries++), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _waiting.Writer.TryComplete();
        FailAll(new ObjectDisposedException(nameof(TerminalClient)));
    }

    /// <summary>One connection, until it ends.</summary>
    private async Task ServeAsync()
    {
        var connection = await TerminalConnection.OpenAsync(_options, _stop.Token).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            Task[] all = [WriteAsync(connection, ending.Token), ReadAsync(connection, ending.Token), GuardAsync(connection, ending.Token)];
            var first = await Task.WhenAny(all).ConfigureAwait(false);
            await ending.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await first.ConfigureAwait(false);
        }
    }

    private async Task WriteAsync(TerminalConnection connection, CancellationToken stop)
    {
        var batch = new ArrayBufferWriter<byte>();
        lock (_gate)
        {
            // Who has gone meanwhile wants nothing any more; the others ask again, first come, first served.
            for (var left = _sent.Count; left > 0; left--) Take(_sent.Dequeue());
        }

        while (true)
        {
            while (batch.WrittenCount < BatchBytesMax && _waiting.Reader.TryRead(out var next))
            {
                lock (_gate) Take(next);
            }

            if (batch.WrittenCount > 0) await connection.SendAsync(batch.WrittenMemory, stop).ConfigureAwait(false);
            batch.ResetWrittenCount();
            if (!await _waiting.Reader.WaitToReadAsync(stop).ConfigureAwait(false)) return;
        }

        void Take(TerminalCall call)
        {
            if (call.IsForgotten)
            {
                call.Leave();
                return;
            }

            call.Send();
            _sent.Enqueue(call);
            batch.Write(call.Frame);
        }
    }

    private async Task ReadAsync(TerminalConnection connection, CancellationToken stop)
    {
        while (true)
        {
            var reply = await connection.ReadAsync(stop).ConfigureAwait(false);

            // The server's last words on this connection answer nobody, even when somebody has asked in that moment.
            if (reply is TerminalFailure { Code: "IDLE_TIMEOUT" or "HANDSHAKE_TIMEOUT" or "UNAUTHORIZED" } last)
                throw last.Ended();

            TerminalCall? call;
            lock (_gate) _sent.TryDequeue(out call);
            if (call is null) throw new IOException("A reply came that nobody asked for.");
            (_tries, _failure) = (0, null);
            call.Complete(reply);

            // Everything before it was answered, so it answers the one that ended the connection: asked again, that one would end the next.
            if (reply is TerminalFailure { Code: "PROTOCOL_ERROR" } malformed) throw malformed.Ended();
        }
    }

    /// <summary>Ends the connection when an answer is due and nothing comes: a server without power never ends it.</summary>
    private async Task GuardAsync(TerminalConnection connection, CancellationToken stop)
    {
        var most = _options.Retry.AnswerMax;
        using var timer = new PeriodicTimer(most / 8);
        while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
        {
            long since;
            lock (_gate)
            {
                if (!_sent.TryPeek(out var oldest)) continue;
                since = Math.Max(oldest.SentAt, connection.HeardAt);
            }

            if (Environment.TickCount64 - since >= most.TotalMilliseconds)
                throw new IOException($"The server owes an answer, and has said nothing for {most.TotalSeconds:0.#} s.");
        }
    }

    /// <summary>Ends all calls: those that were never sent for this reason, the others without knowing.</summary>
    private void FailAll(Exception why)
    {
        lock (_gate)
        {
            while (_sent.TryDequeue(out var call))
            {
                call.Fail(new RushUnknownException(
                    $"The connection ended without an answer, and there is no other: {why.Message} Ask again with the same id.", why));
            }
        }

        while (_waiting.Reader.TryRead(out var call)) call.Fail(why);
    }

    private static string Text(Guid id) => id.ToString();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

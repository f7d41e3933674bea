using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace TicketRush.Client;

/// <summary>
/// The terminals port, typed: one connection for any number of callers, whose commands share it without waiting for each other's answers.
/// When it breaks, another is opened and everything that has no answer yet is asked again, in the order in which it was asked first; with
/// the ids that the callers made that is the same request, so nothing is done twice. For every thread.
/// </summary>
public sealed class TerminalClient : IAsyncDisposable
{
    private readonly TerminalOptions _options;
    private readonly Channel<Call> _waiting = Channel.CreateUnbounded<Call>(new() { SingleReader = true });
    private readonly SemaphoreSlim _room;
    private readonly Queue<Call> _sent = new();
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private volatile Exception? _broken;

    /// <summary>Connects in the background; the first command waits for it.</summary>
    public TerminalClient(TerminalOptions options)
    {
        (_options, _room) = (options, new(options.PipelineMax));
        _running = Task.Run(RunAsync);
    }

    /// <summary>Holds and pays in one.</summary>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="reference">Names the payment; required where money is collected.</param>
    /// <exception cref="RushRefusedException">Nothing was bought.</exception>
    /// <exception cref="RushUnknownException">There was no answer; ask again with the same id.</exception>
    public async Task<TerminalOrder> BuyAsync(
        string sale, Guid id, string buyer, string tier, int quantity, string? reference = null, TerminalPlaces? places = null, CancellationToken stop = default)
    {
        List<string> words = ["BUY", sale, $"{id}", buyer, tier, Text(quantity)];
        if (reference is not null) words.AddRange(["REFERENCE", reference]);
        places?.AddTo(words);
        return ToOrder(await AskAsync(words, stop));
    }

    /// <inheritdoc cref="BuyAsync"/>
    public async Task<TerminalHold> HoldAsync(
        string sale, Guid id, string buyer, string tier, int quantity, TerminalPlaces? places = null, CancellationToken stop = default)
    {
        List<string> words = ["HOLD", sale, $"{id}", buyer, tier, Text(quantity)];
        places?.AddTo(words);
        return ToHold(await AskAsync(words, stop));
    }

    /// <param name="key">Names this extension, the same when it is asked again.</param>
    public async Task<TerminalHold> ExtendAsync(string sale, Guid id, string key, CancellationToken stop = default) =>
        ToHold(await AskAsync(["EXTEND", sale, $"{id}", key], stop));

    public async Task<TerminalOrder> PayAsync(string sale, Guid id, string reference = "", CancellationToken stop = default) =>
        ToOrder(await AskAsync(["PAY", sale, $"{id}", reference], stop));

    public async Task<TerminalHold> ReleaseAsync(string sale, Guid id, CancellationToken stop = default) => ToHold(await AskAsync(["RELEASE", sale, $"{id}"], stop));

    public async Task<TerminalOrder> OrderAsync(string sale, Guid id, CancellationToken stop = default) => ToOrder(await AskAsync(["ORDER", sale, $"{id}"], stop));

    /// <param name="key">Names this refund, the same when it is asked again.</param>
    /// <param name="reason">A code such as cannot-come.</param>
    /// <param name="tickets">Their numbers; null for all that are left.</param>
    public async Task<TerminalRefund> RefundAsync(
        string sale, Guid id, string key, string reason, bool resell, IEnumerable<long>? tickets = null, CancellationToken stop = default)
    {
        List<string> words = ["REFUND", sale, $"{id}", key, reason, resell ? "RESELL" : "BLOCK"];
        if (tickets is not null) words.AddRange(["TICKETS", .. tickets.Select(Text)]);
        var items = Items(await AskAsync(words, stop), 6);
        return new(Long(items[1]), Time(items[2]), Long(items[3]), [.. Items(items[4], 0).Select(Long)], (string)items[5]!);
    }

    public async Task<IReadOnlyList<TerminalSale>> SalesAsync(CancellationToken stop = default) =>
        [.. Items(await AskAsync(["SALES"], stop), 0).Select(row => Items(row, 5)).Select(row =>
            new TerminalSale((string)row[0]!, (string)row[1]!, Long(row[2]), (string)row[3]!, (string)row[4]!))];

    /// <summary>Places of a tier that are free to everybody.</summary>
    public async Task<long> AvailableAsync(string sale, string tier, string? from = null, string? to = null, CancellationToken stop = default) =>
        Long(await AskAsync(from is null ? ["AVAILABLE", sale, tier] : ["AVAILABLE", sale, tier, "FROM", from, "TO", to ?? ""], stop));

    public async Task PingAsync(CancellationToken stop = default) => await AskAsync(["PING"], stop);

    /// <summary>
    /// Every entry of the sale that concerns the key, behind the given sequence, in order, as they come; on a connection of its own, which
    /// is opened anew when it breaks and goes on behind the last entry that was given. Ends only when it is cancelled, or refused.
    /// </summary>
    public async IAsyncEnumerable<TerminalEntry> WatchAsync(string sale, long after = 0, [EnumeratorCancellation] CancellationToken stop = default)
    {
        for (var tries = 0; ; tries++)
        {
            TerminalConnection? connection = null;
            try
            {
                try
                {
                    connection = await TerminalConnection.OpenAsync(_options, stop);
                    await connection.AskAsync(stop, "HELLO", "3");
                    var reply = await connection.AskAsync(stop, "WATCH", sale, "AFTER", Text(after));
                    if (reply is TerminalFailure failure && !RushRetry.IsWorthAnotherTry(failure.Code)) throw new RushRefusedException(failure.Code, failure.Detail);
                    if (reply is TerminalFailure) throw new IOException("The sale is stopped for now.");
                }
                catch (IOException)
                {
                    await Task.Delay(_options.Retry.PauseAfter(tries), stop);
                    continue;
                }

                while (true)
                {
                    TerminalEntry entry;
                    try
                    {
                        entry = ToEntry(await connection.ReadAsync(stop));
                    }
                    catch (IOException)
                    {
                        break;
                    }

                    (after, tries) = (entry.Sequence, 0);
                    yield return entry;
                }
            }
            finally
            {
                if (connection is not null) await connection.DisposeAsync();
            }
        }
    }

    /// <summary>Ends. What has no answer yet is unknown.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        await _running;
        Fail(new RushUnknownException("The client was disposed before there was an answer."));
        _stop.Dispose();
    }

    private async Task<object?> AskAsync(IReadOnlyList<string> words, CancellationToken stop)
    {
        var frame = TerminalConnection.Frame(words);
        var until = Environment.TickCount64 + (long)_options.Retry.For.TotalMilliseconds;
        for (var tries = 0; ; tries++)
        {
            var reply = await AskOnceAsync(words[0], frame, until, stop);
            if (reply is not TerminalFailure failure) return reply;
            if (!RushRetry.IsWorthAnotherTry(failure.Code)) throw new RushRefusedException(failure.Code, failure.Detail);

            var pause = _options.Retry.PauseAfter(tries);
            if (Environment.TickCount64 + pause.TotalMilliseconds >= until)
                throw RushRetry.IsNotStarted(failure.Code) ? new RushRefusedException(failure.Code, failure.Detail) : Unknown(words[0], null);
            await Task.Delay(pause, stop);
        }
    }

    private async Task<object?> AskOnceAsync(string what, byte[] frame, long until, CancellationToken stop)
    {
        var call = new Call(frame);
        var left = TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64));
        if (!await _room.WaitAsync(left, stop)) throw Unknown(what, null);
        call.Answered += () => _room.Release();
        if (_broken is { } broken || !_waiting.Writer.TryWrite(call))
        {
            call.Forget();
            throw _broken is RushException known ? known : Unknown(what, _broken);
        }

        try
        {
            return await call.Answer.WaitAsync(TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64)), stop);
        }
        catch (TimeoutException e)
        {
            call.Forget();
            throw Unknown(what, e);
        }
        catch (OperationCanceledException)
        {
            call.Forget();
            throw;
        }
    }

    private RushUnknownException Unknown(string what, Exception? inner) =>
        new($"{what}: there was no answer in {_options.Retry.For.TotalSeconds:0.#} s. Ask again with the same id.", inner);

    private async Task RunAsync()
    {
        for (var tries = 0; !_stop.IsCancellationRequested; tries++)
        {
            try
            {
                await using var connection = await TerminalConnection.OpenAsync(_options, _stop.Token);
                tries = 0;
                using var both = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                var (writing, reading) = (WriteAsync(connection, both.Token), ReadAsync(connection, both.Token));
                await Task.WhenAny(writing, reading);
                await both.CancelAsync();
                await Task.WhenAll(writing, reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (RushException e)
            {
                // Another try would be answered the same.
                _broken = e;
                _waiting.Writer.TryComplete();
                Fail(e);
                return;
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // Tried again below, unless this is the end.
            }

            if (!_stop.IsCancellationRequested)
                await Task.Delay(_options.Retry.PauseAfter(tries), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WriteAsync(TerminalConnection connection, CancellationToken stop)
    {
        var batch = new MemoryStream();
        lock (_gate)
        {
            // Who has gone meanwhile wants nothing any more; the others ask again, first come, first served.
            for (var left = _sent.Count; left > 0; left--)
            {
                var call = _sent.Dequeue();
                if (call.IsForgotten) continue;
                _sent.Enqueue(call);
                batch.Write(call.Frame);
            }
        }

        while (true)
        {
            while (batch.Length < 64 * 1024 && _waiting.Reader.TryRead(out var next))
            {
                if (next.IsForgotten) continue;
                lock (_gate) _sent.Enqueue(next);
                batch.Write(next.Frame);
            }

            if (batch.Length > 0) await connection.SendAsync(batch.GetBuffer().AsMemory(0, (int)batch.Length), stop);
            batch.SetLength(0);
            if (!await _waiting.Reader.WaitToReadAsync(stop)) return;
        }
    }

    private async Task ReadAsync(TerminalConnection connection, CancellationToken stop)
    {
        while (true)
        {
            var reply = await connection.ReadAsync(stop);

            // The server's last words on this connection answer nobody, even when somebody has asked in that moment.
            if (reply is TerminalFailure { Code: "IDLE_TIMEOUT" or "HANDSHAKE_TIMEOUT" or "UNAUTHORIZED" or "PROTOCOL_ERROR" } last)
                throw new IOException($"{last.Code}: {last.Detail}");
            Call? call;
            lock (_gate) _sent.TryDequeue(out call);

            if (call is null) throw new IOException("A reply came that nobody asked for.");
            call.Complete(reply);
        }
    }

    private void Fail(Exception e)
    {
        lock (_gate)
        {
            while (_sent.TryDequeue(out var call)) call.Fail(e);
        }

        _waiting.Writer.TryComplete();
        while (_waiting.Reader.TryRead(out var call)) call.Fail(e);
    }

    private static TerminalHold ToHold(object? reply)
    {
        var items = Items(reply, 7);
        return new((string)items[0]!, Long(items[1]), Time(items[2]), Time(items[3]), (int)Long(items[4]), Long(items[5]), (string)items[6]!, SeatsOf(items));
    }

    private static TerminalOrder ToOrder(object? reply)
    {
        var items = Items(reply, 7);
        return new(
            (string)items[0]!, Long(items[1]), Time(items[2]), Long(items[3]), (int)Long(items[4]), Long(items[5]), (string)items[6]!, SeatsOf(items),
            Member(items, "refunded") is object?[] refunded ? [.. refunded.Select(Long)] : [], Member(items, "late") is 1L);
    }

    private static TerminalEntry ToEntry(object? reply)
    {
        var items = Items(reply, 10);
        return new(
            (string)items[1]!, Long(items[2]), (string)items[3]!, Time(items[4]), Long(items[5]), Long(items[6]), (int)Long(items[7]), Long(items[8]),
            Long(items[9]) == 0 ? null : Time(items[9]));
    }

    private static IReadOnlyList<string?>? SeatsOf(object?[] items) => Member(items, "seats") is object?[] seats ? [.. seats.Select(seat => seat as string)] : null;

    // The eighth item, where there is one, has names and values.
    private static object? Member(object?[] items, string name) =>
        items is [_, _, _, _, _, _, _, object?[] more, ..] && Array.IndexOf(more, name) is >= 0 and var at ? more[at + 1] : null;

    private static object?[] Items(object? reply, int least) => reply is object?[] items && items.Length >= least
        ? items
        : throw new IOException("The reply is none that is known here.");

    private static long Long(object? item) => item is long number ? number : throw new IOException("The reply is none that is known here.");

    private static DateTimeOffset Time(object? item) => DateTimeOffset.FromUnixTimeMilliseconds(Long(item));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>One command on its way. Its place in the pipeline is free when it is answered, whoever still waits for the
    /// answer.</summary>
    private sealed class Call(byte[] frame)
    {
        private readonly TaskCompletionSource<object?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _done;

        public byte[] Frame => frame;

        public Task<object?> Answer => _answer.Task;

        public bool IsForgotten { get; private set; }

        public event Action? Answered;

        public void Complete(object? reply)
        {
            if (Interlocked.Exchange(ref _done, 1) == 0) Answered?.Invoke();
            _answer.TrySetResult(reply);
        }

        public void Fail(Exception e)
        {
            if (Interlocked.Exchange(ref _done, 1) == 0) Answered?.Invoke();
            _answer.TrySetException(e);
        }

        /// <summary>Nobody waits for it any more. It may be on its way all the same, so its reply is still expected on this
        /// connection.</summary>
        public void Forget()
        {
            IsForgotten = true;
            if (Interlocked.Exchange(ref _done, 1) == 0) Answered?.Invoke();
        }
    }
}

using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// One end of a pipe or of a connection to a <see cref="Listener"/>: whole messages of bytes, in order. On the wire it is what CPython's
/// <c>multiprocessing.connection</c> speaks, so a Python process can be at the other end.
/// <code>
///   | length: int32, big-endian | payload |
///   | −1: int32 | length: uint64, big-endian | payload |     above 2 147 483 647 bytes; understood, never sent
/// </code>
/// <para>
/// Any number of threads may send and receive on one Connection: the calls of each direction take turns. Across processes that have the
/// same end open there is no such turn: at most one of them may send and one may receive, or they take turns by a lock of their own.
/// Nothing is read ahead: what is not part of the message being received stays in the kernel for whoever receives next, and
/// <see cref="Poll()"/> takes nothing at all.
/// </para>
/// </summary>
[JsonConverter(typeof(ConnectionConverter))]
public sealed class Connection : IDisposable
{
    /// <summary>The longest message that is received or sent unless <see cref="MaxMessageSize"/> says otherwise: 64 MiB.</summary>
    public const int DefaultMaxMessageSize = 64 << 20;

    private const int HeaderSize = 4, LongHeaderSize = 12, AtOnceMost = 512;

    // A reply that comes at once is not slept for: to be woken on another processor costs more than the reply. Only when the last wait was
    // a short one, so that who waits for seconds does not burn time for it.
    private static readonly long SpinTicks = Environment.ProcessorCount > 1 ? Stopwatch.Frequency / 20_000 : 0; // 50 us
    private static readonly long ShortWaitTicks = Stopwatch.Frequency / 10_000; // 100 us

    private readonly SafeHandle _socket;
    private readonly int _family;
    private readonly SemaphoreSlim _receiving = new(1, 1), _sending = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private readonly List<SafeFileHandle> _descriptors = [];
    private readonly bool _canRead, _canWrite;
    private bool _framesLost, _cutOff;
    private bool _lastWaitWasShort = true;

    // Who has just sent and now receives waits for the reply, which cannot be there yet.
    private volatile bool _awaitsReply;
    private int _closed;

    // What has been taken off the socket of a message that is not whole yet. It stays when a receive is cancelled: the next goes on.
    private readonly byte[] _header = new byte[LongHeaderSize];
    private int _headerTaken, _payloadTaken;
    private byte[]? _payload;

    /// <summary>Takes a connected stream socket over.</summary>
    /// <param name="socket">Belongs to the connection from now on. Unix or TCP, made here, received or inherited.</param>
    /// <param name="readable">Whether this end may receive.</param>
    /// <param name="writable">Whether this end may send.</param>
    /// <exception cref="ArgumentException">It is no stream socket, or neither readable nor writable.</exception>
    public Connection(SafeHandle socket, bool readable = true, bool writable = true)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (!readable && !writable) throw new ArgumentException("A connection must be readable, writable or both.");
        SocketCalls.RequireLinux();
        _family = SocketCalls.StreamFamily(socket) ?? throw new ArgumentException("The descriptor is not a stream socket.", nameof(socket));
        (_socket, _canRead, _canWrite) = (socket, readable, writable);
    }

    /// <summary>This end may receive. False also after <see cref="MessageTooLargeException"/>.</summary>
    public bool Readable => _canRead && !_framesLost;

    /// <summary>This end may send. False also after a send was cancelled in the middle of a message.</summary>
    public bool Writable => _canWrite && !_cutOff;

    /// <summary><see cref="Close"/> was called.</summary>
    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>
    /// The longest message, in bytes, that is taken or sent; 64 MiB unless set. A longer one announced by the other end is an error before
    /// anything is allocated for it.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 1 and <see cref="Array.MaxLength"/>.</exception>
    public int MaxMessageSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Array.MaxLength);
            field = value;
        }
    } = DefaultMaxMessageSize;

    /// <summary>The socket, to be polled or to be handed on. It is closed with the connection.</summary>
    /// <exception cref="ObjectDisposedException">The connection is closed.</exception>
    public SafeHandle Handle
    {
        get
        {
            CheckOpen();
            return _socket;
        }
    }

    private bool CarriesDescriptors => _family == SocketCalls.Unix;

    /// <summary>Sends one message; an empty one is a message too. Waits while the other end does not receive.</summary>
    /// <exception cref="ArgumentException">It is longer than <see cref="MaxMessageSize"/>. Nothing was sent.</exception>
    /// <exception cref="InvalidOperationException">This end only receives.</exception>
    /// <exception cref="IOException">The other end is closed.</exception>
    /// <exception cref="ObjectDisposedException">The connection is closed.</exception>
    public void Send(ReadOnlySpan<byte> message) => Send(message, []);

    /// <summary>Sends the bytes from <paramref name="offset"/> to the end as one message.</summary>
    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentOutOfRangeException">The offset is negative or beyond the end.</exception>
    public void Send(byte[] buffer, int offset)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, buffer.Length);
        Send(buffer.AsSpan(offset), []);
    }

    /// <summary>Sends <paramref name="size"/> bytes from <paramref name="offset"/> on as one message.</summary>
    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentOutOfRangeException">Offset or size is negative, or there are not so many bytes.</exception>
    public void Send(byte[] buffer, int offset, int size)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, buffer.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, buffer.Length - offset);
        Send(buffer.AsSpan(offset, size), []);
    }

    /// <summary>Sends a value as JSON in one message.</summary>
    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    /// <exception cref="NotSupportedException">The value cannot be serialised. Nothing was sent.</exception>
    public void Send<T>(T value, JsonTypeInfo<T> type)
    {
        using var handover = CarriesDescriptors ? Handover.Collect() : null;
        Send(JsonSerializer.SerializeToUtf8Bytes(value, type), handover is null ? [] : handover.Descriptors);
    }

    /// <summary>Sends one message without blocking a thread.</summary>
    /// <param name="message">Must not change until the task is done.</param>
    /// <param name="stop">
    /// Cancelled before the first byte is sent it changes nothing; in the middle of a message it ends this direction for good, and the
    /// other end gets <see cref="TruncatedMessageException"/>.
    /// </param>
    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken stop = default) => SendAsync(message, [], stop);

    /// <summary>Sends a value as JSON in one message, without blocking a thread.</summary>
    /// <inheritdoc cref="SendAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    public ValueTask SendAsync<T>(T value, JsonTypeInfo<T> type, CancellationToken stop = default)
    {
        if (!CarriesDescriptors) return SendAsync(JsonSerializer.SerializeToUtf8Bytes(value, type), stop);

        // The scope is this thread's, and the sending may end on another: duplicates then, if there is anything to hand over.
        using var handover = Handover.Collect();
        var message = JsonSerializer.SerializeToUtf8Bytes(value, type);
        if (handover.Descriptors.IsEmpty) return SendAsync(message, stop);
        var descriptors = new SafeHandle[handover.Descriptors.Length];
        for (var i = 0; i < descriptors.Length; i++) descriptors[i] = Descriptors.Duplicate(handover.Descriptors[i]);
        return SendAsync(message, descriptors, stop);
    }

    /// <summary>Waits for the next message and takes it.</summary>
    /// <exception cref="EndOfStreamException">The other end is closed, and every message was received.</exception>
    /// <exception cref="TruncatedMessageException">The other end was closed in the middle of a message.</exception>
    /// <exception cref="MessageTooLargeException">The next message is longer than <see cref="MaxMessageSize"/>.</exception>
    /// <exception cref="InvalidOperationException">This end only sends.</exception>
    /// <exception cref="ObjectDisposedException">The connection is closed, maybe during the call.</exception>
    public byte[] Receive() => Receive(MaxMessageSize);

    /// <summary>Waits for the next message, which must not be longer than <paramref name="maxLength"/> bytes.</summary>
    /// <inheritdoc cref="Receive()"/>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public byte[] Receive(int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        _receiving.Wait();
        try
        {
            return ReceiveWhole(Math.Min(maxLength, MaxMessageSize));
        }
        finally
        {
            _receiving.Release();
        }
    }

    /// <summary>Waits for the next message and reads it as JSON.</summary>
    /// <inheritdoc cref="Receive()"/>
    /// <exception cref="JsonException">It is no JSON of a <typeparamref name="T"/>. It was taken; the connection stays usable.</exception>
    public T? Receive<T>(JsonTypeInfo<T> type)
    {
        byte[] message;
        SafeFileHandle[] descriptors;
        _receiving.Wait();
        try
        {
            message = ReceiveWhole(MaxMessageSize, CarriesDescriptors);
            descriptors = TakeDescriptors();
        }
        finally
        {
            _receiving.Release();
        }

        return Read(message, descriptors, type);
    }

    /// <summary>Waits for the next message and puts it into the buffer.</summary>
    /// <returns>The length of the message.</returns>
    /// <inheritdoc cref="Receive()"/>
    /// <exception cref="BufferTooShortException">It does not fit. It was taken, and the exception has it.</exception>
    public int ReceiveInto(Span<byte> buffer)
    {
        _receiving.Wait();
        try
        {
            MakeWay();
            var since = 0L;
            while (!TryReadHeader(MaxMessageSize)) WaitToReceive(ref since);
            if (_payload is null && Announced <= buffer.Length)
            {
                var target = buffer[..(int)Announced];
                while (!TryFill(target)) WaitToReceive(ref since);
                _headerTaken = _payloadTaken = 0;
                return target.Length;
            }

            var message = ReceiveWhole(MaxMessageSize);
            if (message.Length > buffer.Length) throw new BufferTooShortException(message, buffer.Length);
            message.CopyTo(buffer);
            return message.Length;
        }
        finally
        {
            _receiving.Release();
        }
    }

    /// <summary>Waits for the next message and puts it into the buffer from <paramref name="offset"/> on.</summary>
    /// <inheritdoc cref="ReceiveInto(Span{byte})"/>
    /// <exception cref="ArgumentOutOfRangeException">The offset is negative or beyond the end. Nothing was taken.</exception>
    public int ReceiveInto(byte[] buffer, int offset)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, buffer.Length);
        return ReceiveInto(buffer.AsSpan(offset));
    }

    /// <summary>Waits for the next message without blocking a thread, and takes it.</summary>
    /// <param name="stop">Loses nothing: what is there of a message stays, and the next call goes on with it.</param>
    /// <inheritdoc cref="Receive()"/>
    public async ValueTask<byte[]> ReceiveAsync(CancellationToken stop = default) =>
        (await ReceiveAsync(withDescriptors: false, stop).ConfigureAwait(false)).Message;

    /// <summary>Waits for the next message without blocking a thread, and reads it as JSON.</summary>
    /// <inheritdoc cref="ReceiveAsync(CancellationToken)"/>
    /// <exception cref="JsonException">It is no JSON of a <typeparamref name="T"/>. It was taken; the connection stays usable.</exception>
    public async ValueTask<T?> ReceiveAsync<T>(JsonTypeInfo<T> type, CancellationToken stop = default) =>
        await ReceiveAsync(CarriesDescriptors, stop).ConfigureAwait(false) is var (message, descriptors)
            ? Read(message, descriptors, type)
            : default;

    /// <summary>Whether a receive would find something now: a message, at least the beginning of one, or the end.</summary>
    public bool Poll() => Poll(TimeSpan.Zero);

    /// <summary>Waits until there is something to receive: a message, at least the beginning of one, or the end. Takes nothing.</summary>
    /// <param name="timeout">
    /// Zero and negative spans only look; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.
    /// </param>
    /// <returns>False after the time.</returns>
    /// <exception cref="InvalidOperationException">This end only sends.</exception>
    /// <exception cref="ObjectDisposedException">The connection is closed, maybe during the call.</exception>
    public bool Poll(TimeSpan timeout)
    {
        CheckReadable();
        var ready = Wakeup.Wait(_socket, Descriptors.Readable, Deadline.After(timeout), default, _closing.Token);
        CheckOpen();
        return ready;
    }

    /// <summary>Waits without blocking a thread until there is something to receive. Takes nothing.</summary>
    /// <inheritdoc cref="Poll(TimeSpan)"/>
    public async ValueTask<bool> PollAsync(TimeSpan timeout, CancellationToken stop = default)
    {
        if (Poll()) return true;
        if (timeout <= TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan) return false;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        await Readiness.Readable.WaitAsync(_socket, limit.Token, _closing.Token).ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
        return Poll();
    }

    /// <summary>
    /// Hands a descriptor (a file, a socket, anything) to the process at the other end, which gets a duplicate. Not a message: the other
    /// end takes it by <see cref="ReceiveDescriptor"/>, or CPython by <c>multiprocessing.reduction.recv_handle</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The connection is not over a Unix socket.</exception>
    public void SendDescriptor(SafeHandle descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        CheckUnix();
        _sending.Wait();
        try
        {
            CheckSendable(1);
            while (SendSome([1], [], [descriptor]) < 0) WaitToSend();
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Waits for a descriptor that the other end sends by <see cref="SendDescriptor"/> or CPython's <c>send_handle</c>.</summary>
    /// <returns>A handle of this process's own; whoever has it closes it.</returns>
    /// <exception cref="InvalidDataException">Bytes came without a descriptor. One of them was taken.</exception>
    /// <exception cref="EndOfStreamException">The other end is closed.</exception>
    public SafeFileHandle ReceiveDescriptor()
    {
        CheckUnix();
        _receiving.Wait();
        try
        {
            if (_headerTaken > 0) throw new InvalidOperationException("A message is being received: a descriptor comes between messages.");
            Span<byte> one = stackalloc byte[1];
            for (var since = 0L; Take(one, withDescriptors: true) < 0;) WaitToReceive(ref since);
            var descriptors = TakeDescriptors();
            if (descriptors.Length == 1 && one[0] == 1) return descriptors[0];

            foreach (var descriptor in descriptors) descriptor.Dispose();
            throw new InvalidDataException($"One descriptor was expected, and {descriptors.Length} came with a byte that says {one[0]}.");
        }
        finally
        {
            _receiving.Release();
        }
    }

    /// <summary>
    /// Closes this end in this process. Calls that wait on it in other threads end with <see cref="ObjectDisposedException"/>. The other
    /// end sees the end of the stream when no process has this one open any more.
    /// </summary>
    public void Close() => Dispose();

    /// <inheritdoc cref="Close"/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        _closing.Cancel();
        _socket.Dispose();
    }

    private long Announced => _headerTaken == LongHeaderSize
        ? BinaryPrimitives.ReadInt64BigEndian(_header.AsSpan(HeaderSize))
        : BinaryPrimitives.ReadInt32BigEndian(_header);

    private void Send(ReadOnlySpan<byte> message, ReadOnlySpan<SafeHandle> descriptors)
    {
        _sending.Wait();
        try
        {
            CheckSendable(message.Length);
            for (var sent = 0; (sent = SendSome(message, descriptors, sent)) < HeaderSize + message.Length;) WaitToSend();
            _awaitsReply = true;
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <param name="message">What is sent.</param>
    /// <param name="descriptors">Go with it, and are closed here when it is sent.</param>
    /// <param name="stop">Ends the wait.</param>
    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, SafeHandle[] descriptors, CancellationToken stop)
    {
        await _sending.WaitAsync(stop).ConfigureAwait(false);
        var sent = 0;
        try
        {
            while (true)
            {
                CheckSendable(message.Length);
                stop.ThrowIfCancellationRequested();
                sent = SendSome(message.Span, descriptors, sent);
                if (sent == HeaderSize + message.Length) return;
                await Readiness.Writable.WaitAsync(_socket, stop, _closing.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (sent > 0)
        {
            CutOff();
            throw;
        }
        finally
        {
            _sending.Release();
            foreach (var descriptor in descriptors) descriptor.Dispose();
        }
    }

    /// <summary>Goes on sending header and message, in as few calls as there is room for. Never blocks.</summary>
    /// <returns>How many bytes of both are sent now.</returns>
    private int SendSome(ReadOnlySpan<byte> message, ReadOnlySpan<SafeHandle> descriptors, int sent)
    {
        if (sent == 0 && message.Length <= AtOnceMost && descriptors.IsEmpty)
        {
            // In one piece: cheaper for the kernel than two.
            Span<byte> whole = stackalloc byte[HeaderSize + message.Length];
            BinaryPrimitives.WriteInt32BigEndian(whole, message.Length);
            message.CopyTo(whole[HeaderSize..]);
            var taken = SendSome(whole, [], []);
            if (taken == whole.Length) return taken;
            sent = Math.Max(taken, 0);
        }

        Span<byte> header = stackalloc byte[HeaderSize];
        BinaryPrimitives.WriteInt32BigEndian(header, message.Length);
        while (sent < HeaderSize + message.Length)
        {
            var count = sent < HeaderSize
                ? SendSome(header[sent..], message, sent == 0 ? descriptors : [])
                : SendSome(message[(sent - HeaderSize)..], [], []);
            if (count < 0) break;
            sent += count;
        }

        return sent;
    }

    private int SendSome(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<SafeHandle> descriptors)
    {
        try
        {
            return SocketCalls.Send(_socket, first, second, descriptors);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            throw new IOException("The other end of the connection is closed: the message was not sent.", error);
        }
        catch (SocketException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    /// <summary>The other end has the beginning of a message whose rest never comes: it must not wait for it.</summary>
    private void CutOff()
    {
        _cutOff = true;
        if (!IsClosed) SocketCalls.Shutdown(_socket, receiving: false);
    }

    private async ValueTask<(byte[] Message, SafeFileHandle[] Descriptors)> ReceiveAsync(bool withDescriptors, CancellationToken stop)
    {
        await _receiving.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            while (true)
            {
                stop.ThrowIfCancellationRequested();
                CheckReadable();
                if (TryReadHeader(MaxMessageSize, withDescriptors) && TryReadPayload()) return (TakeMessage(), TakeDescriptors());
                await Readiness.Readable.WaitAsync(_socket, stop, _closing.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _receiving.Release();
        }
    }

    /// <summary>For the handshake: never blocks.</summary>
    internal byte[]? TryReceive(int maxLength) => TryReadHeader(maxLength) && TryReadPayload() ? TakeMessage() : null;

    /// <summary>For the handshake: never blocks. When the message does not fit, the connection is of no use any more.</summary>
    internal bool TrySend(ReadOnlySpan<byte> message) => SendSome(message, [], 0) == HeaderSize + message.Length;

    private static T? Read<T>(byte[] message, SafeFileHandle[] descriptors, JsonTypeInfo<T> type)
    {
        if (descriptors.Length == 0) return JsonSerializer.Deserialize(message, type);
        using var handover = Handover.Supply(descriptors);
        return JsonSerializer.Deserialize(message, type);
    }

    private byte[] ReceiveWhole(int maxLength, bool withDescriptors = false)
    {
        MakeWay();
        for (var since = 0L; !(TryReadHeader(maxLength, withDescriptors) && TryReadPayload());) WaitToReceive(ref since);
        return TakeMessage();
    }

    private bool TryReadHeader(int maxLength, bool withDescriptors = false)
    {
        CheckReadable();
        while (true)
        {
            var size = _headerTaken < HeaderSize || BinaryPrimitives.ReadInt32BigEndian(_header) != -1 ? HeaderSize : LongHeaderSize;
            if (_headerTaken == size) break;
            var count = Take(_header.AsSpan(_headerTaken..size), withDescriptors);
            if (count < 0) return false;
            _headerTaken += count;
        }

        if ((ulong)Announced <= (ulong)maxLength) return true;
        _framesLost = true;
        if (!_canWrite) Dispose();
        throw new MessageTooLargeException(
            $"The other end announces a message of {Announced} bytes; {maxLength} at most are taken. Nothing more can be received.");
    }

    private bool TryReadPayload() => TryFill(_payload ??= GC.AllocateUninitializedArray<byte>((int)Announced));

    private bool TryFill(Span<byte> payload)
    {
        while (_payloadTaken < payload.Length)
        {
            var count = Take(payload[_payloadTaken..]);
            if (count < 0) return false;
            _payloadTaken += count;
        }

        return true;
    }

    private byte[] TakeMessage()
    {
        var message = _payload!;
        _payload = null;
        _headerTaken = _payloadTaken = 0;
        return message;
    }

    /// <returns>The number of bytes taken off the socket, −1 when there are none yet.</returns>
    private int Take(Span<byte> target, bool withDescriptors = false)
    {
        SocketException? reset = null;
        try
        {
            var count = withDescriptors ? SocketCalls.Receive(_socket, target, _descriptors) : SocketCalls.Receive(_socket, target);
            if (count != 0) return count;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            // So a Unix socket says that the other end was closed with something unread in it.
            reset = error;
        }
        catch (SocketException error)
        {
            throw new IOException(error.Message, error);
        }

        throw _headerTaken == 0
            ? new EndOfStreamException("The other end of the connection is closed.", reset)
            : new TruncatedMessageException(
                $"The other end was closed in the middle of a message, {_headerTaken + _payloadTaken} bytes into it.", reset);
    }

    // Two that talk on one processor: the other gets it before a look that finds nothing, and not behind it. On two it costs no more than
    // that look.
    private void MakeWay()
    {
        if (!_awaitsReply) return;
        _awaitsReply = false;
        if (_lastWaitWasShort && SpinTicks > 0) Thread.Yield();
    }

    /// <summary>Waits before the next try: a moment, or when moments have not helped, until there is something.</summary>
    /// <param name="since">When the first try was; 0 to begin with.</param>
    private void WaitToReceive(ref long since)
    {
        var now = Stopwatch.GetTimestamp();
        if (since == 0) since = now;
        if (_lastWaitWasShort && now - since < SpinTicks)
        {
            // To whoever else wants this processor, which may be the one that is about to answer.
            Thread.Yield();
            return;
        }

        Wakeup.Wait(_socket, Descriptors.Readable, Deadline.Never, default, _closing.Token);
        CheckOpen();
        _lastWaitWasShort = Stopwatch.GetTimestamp() - since < ShortWaitTicks;
        since = 0;
    }

    private void WaitToSend()
    {
        Wakeup.Wait(_socket, Descriptors.Writable, Deadline.Never, default, _closing.Token);
        CheckOpen();
    }

    private SafeFileHandle[] TakeDescriptors()
    {
        if (_descriptors.Count == 0) return [];
        SafeFileHandle[] descriptors = [.. _descriptors];
        _descriptors.Clear();
        return descriptors;
    }

    private void CheckOpen()
    {
        if (IsClosed) throw new ObjectDisposedException(nameof(Connection), "The connection is closed.");
    }

    private void CheckReadable()
    {
        CheckOpen();
        if (!_canRead) throw new InvalidOperationException("This end of the pipe only sends: receive and poll at the other.");
        if (_framesLost)
        {
            throw new InvalidOperationException(
                "Nothing more can be received: the other end announced a message that is too long; where the next begins is not known.");
        }
    }

    private void CheckSendable(int length)
    {
        CheckOpen();
        if (!_canWrite) throw new InvalidOperationException("This end of the pipe only receives: send at the other.");
        if (_cutOff) throw new InvalidOperationException("Nothing more can be sent: a send was cancelled in the middle of its message.");
        if (length > MaxMessageSize)
            throw new ArgumentException($"The message has {length} bytes and MaxMessageSize is {MaxMessageSize}. Nothing was sent.");
    }

    private void CheckUnix()
    {
        CheckOpen();
        if (!CarriesDescriptors)
            throw new InvalidOperationException("Descriptors travel over pipes and Unix sockets only, not over a network.");
    }
}

using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace TicketRush.Multiprocessing.Tests.Connections;

public sealed class ConnectionTests
{
    [Fact, Trait("Case", "49")]
    public void Bytes_and_values_arrive_as_they_were_sent()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            a.Send("hello world"u8);
            Assert.Equal("hello world"u8, b.Receive());
            b.Send([1, 2, 3], PeersJson.Default.Int32Array);
            Assert.Equal([1, 2, 3], a.Receive(PeersJson.Default.Int32Array)!);
            a.Send(new(7, "seat"), PeersJson.Default.Parcel);
            Assert.Equal(new(7, "seat"), b.Receive(PeersJson.Default.Parcel));
        }
    }

    [Theory, Trait("Case", "49")]
    [InlineData(1 << 16), InlineData(16 << 20)]
    public async Task A_big_message_arrives_whole(int size)
    {
        var message = new byte[size];
        new Random(size).NextBytes(message);
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var sending = Peers.Run(() => a.Send(message));
            Assert.True(message.SequenceEqual(b.Receive()));
            await sending;

            sending = a.SendAsync(message).AsTask();
            Assert.True(Enumerable.SequenceEqual(message, await b.ReceiveAsync()));
            await sending;
        }
    }

    [Fact, Trait("Case", "49")]
    public void A_message_is_received_into_a_buffer_at_an_offset()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var buffer = new byte[8];
            a.Send([1, 2, 3]);
            Assert.Equal(3, b.ReceiveInto(buffer, 4));
            Assert.Equal([0, 0, 0, 0, 1, 2, 3, 0], buffer);
            a.Send([]);
            Assert.Equal(0, b.ReceiveInto(buffer, 8));
            Assert.Throws<ArgumentOutOfRangeException>(() => b.ReceiveInto(buffer, 9));
            Assert.Throws<ArgumentOutOfRangeException>(() => b.ReceiveInto(buffer, -1));
        }
    }

    [Fact, Trait("Case", "49")]
    public void A_buffer_that_is_too_short_loses_nothing()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            a.Send("longer than that"u8);
            a.Send("next"u8);
            var error = Assert.Throws<BufferTooShortException>(() => b.ReceiveInto(new byte[4]));
            Assert.Equal("longer than that"u8, error.ReceivedMessage);
            Assert.Equal("next"u8, b.Receive());
        }
    }

    [Fact, Trait("Case", "50")]
    public void Poll_waits_as_long_as_it_is_told()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var watch = Stopwatch.StartNew();
            Assert.False(b.Poll());
            Assert.False(b.Poll(TimeSpan.FromSeconds(-1)));
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5));
            watch.Restart();
            Assert.False(b.Poll(TimeSpan.FromMilliseconds(80)));
            Assert.True(watch.Elapsed >= TimeSpan.FromMilliseconds(80));

            a.Send([]);
            Assert.True(b.Poll(Peers.Patience));
            Assert.True(b.Poll());
            Assert.Empty(b.Receive());
            Assert.False(b.Poll());
        }
    }

    [Fact, Trait("Case", "50")]
    public async Task Poll_is_true_at_the_end_too()
    {
        var (a, b) = Pipe.Create();
        using (b)
        {
            var polling = Peers.Run(() => b.Poll(Timeout.InfiniteTimeSpan));
            a.Close();
            Assert.True(await polling);
            Assert.True(b.Poll());
            Assert.Throws<EndOfStreamException>(() => b.Receive());
        }
    }

    [Fact, Trait("Case", "50")]
    public async Task Asynchronous_poll_does_the_same()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            Assert.False(await b.PollAsync(TimeSpan.FromMilliseconds(30)));
            var polling = b.PollAsync(Peers.Patience).AsTask();
            a.Send([1]);
            Assert.True(await polling);
            Assert.Equal([1], b.Receive());
            using var stop = new CancellationTokenSource(30);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await b.PollAsync(Peers.Patience, stop.Token));
        }
    }

    // A second descriptor for the same end is what another process that inherited it has.
    [Fact, Trait("Case", "51")]
    public void Messages_neither_merge_nor_split_and_nothing_is_read_ahead()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        using (var sameEnd = new Connection(Native.Descriptors.Duplicate(b.Handle)))
        {
            byte[][] messages = [[1], [], [2, 3], [], new byte[5000], [4]];
            foreach (var message in messages) a.Send(message);
            for (var i = 0; i < messages.Length; i++)
            {
                Assert.True(b.Poll());
                Assert.True(sameEnd.Poll());
                Assert.Equal(messages[i], (i % 2 == 0 ? b : sameEnd).Receive());
            }

            Assert.False(sameEnd.Poll());
        }
    }

    [Fact, Trait("Case", "51")]
    public async Task Messages_of_many_threads_arrive_whole()
    {
        const int threads = 4, each = 2000;
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var senders = Enumerable.Range(0, threads).Select(t => Peers.Run(() =>
            {
                var random = new Random(t);
                for (var i = 0; i < each; i++)
                {
                    var message = new byte[4 + random.Next(3000)];
                    message.AsSpan().Fill((byte)t);
                    BinaryPrimitives.WriteInt32LittleEndian(message, i);
                    a.Send(message);
                }
            })).ToArray();
            var receivers = Enumerable.Range(0, 2).Select(_ => Peers.Run(() =>
            {
                for (var i = 0; i < threads * each / 2; i++)
                {
                    var body = b.Receive().AsSpan(4);
                    if (body.Length > 0) Assert.False(body.ContainsAnyExcept(body[0]));
                }
            })).ToArray();
            await Task.WhenAll([.. senders, .. receivers]).WaitAsync(Peers.Patience);
            Assert.False(b.Poll());
        }
    }

    [Fact, Trait("Case", "52")]
    public void The_end_between_messages_is_the_end_of_the_stream()
    {
        var (a, b) = Pipe.Create();
        using (b)
        {
            a.Send([1]);
            a.Close();
            Assert.Equal([1], b.Receive());
            Assert.Throws<EndOfStreamException>(() => b.Receive());
            Assert.Throws<EndOfStreamException>(() => b.ReceiveInto(new byte[1]));
            Assert.Throws<IOException>(() => b.Send([1]));
        }
    }

    [Fact, Trait("Case", "52")]
    public void The_end_after_something_was_left_unread_is_the_end_of_the_stream()
    {
        var (a, b) = Pipe.Create();
        using (b)
        {
            b.Send([1]);
            a.Close();
            Assert.Throws<EndOfStreamException>(() => b.Receive());
        }
    }

    [Theory, Trait("Case", "52")]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 0, 0, 0, 2 })]
    [InlineData(new byte[] { 0, 0, 0, 2, 9 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0 })]
    public async Task The_end_in_the_middle_of_a_message_is_another_error(byte[] sent)
    {
        var (connection, raw) = Peers.Half();
        using (connection)
        {
            raw.Send(sent);
            raw.Dispose();
            Assert.Throws<TruncatedMessageException>(() => connection.Receive());
            await Assert.ThrowsAsync<TruncatedMessageException>(async () => await connection.ReceiveAsync());
        }
    }

    [Fact]
    public void The_long_form_of_the_length_is_understood()
    {
        var (connection, raw) = Peers.Half();
        using (connection)
        using (raw)
        {
            raw.Send([255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 3, 7, 8, 9]);
            Assert.Equal([7, 8, 9], connection.Receive());
        }
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 101 })]
    [InlineData(new byte[] { 0x7F, 255, 255, 255 })]
    [InlineData(new byte[] { 255, 255, 255, 254 })]
    [InlineData(new byte[] { 128, 0, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 })]
    public void A_length_above_the_limit_is_an_error_before_anything_is_allocated(byte[] header)
    {
        var (connection, raw) = Peers.Half();
        using (connection)
        using (raw)
        {
            connection.MaxMessageSize = 100;
            raw.Send(header);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<MessageTooLargeException>(() => connection.Receive());
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);

            // Where the next message begins is not known; the other direction is as good as it was.
            Assert.False(connection.Readable);
            Assert.Throws<InvalidOperationException>(() => connection.Receive());
            connection.Send([1]);
            Assert.Equal(5, raw.Receive(new byte[100]));
        }
    }

    [Fact]
    public void A_message_above_the_limit_is_not_sent_and_the_connection_stays_usable()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            a.MaxMessageSize = 10;
            Assert.Throws<ArgumentException>(() => a.Send(new byte[11]));
            a.Send(new byte[10]);
            Assert.Equal(10, b.Receive().Length);
            Assert.Throws<MessageTooLargeException>(() =>
            {
                a.Send(new byte[5]);
                b.Receive(4);
            });
            Assert.Throws<ArgumentOutOfRangeException>(() => a.MaxMessageSize = 0);
        }
    }

    [Fact, Trait("Case", "53")]
    public void A_pipe_in_one_direction_refuses_the_other()
    {
        var (reader, writer) = Pipe.Create(duplex: false);
        using (reader)
        using (writer)
        {
            Assert.Equal((true, false, false, true), (reader.Readable, reader.Writable, writer.Readable, writer.Writable));
            writer.Send([1]);
            Assert.Equal([1], reader.Receive());
            Assert.Throws<InvalidOperationException>(() => reader.Send([2]));
            Assert.Throws<InvalidOperationException>(() => writer.Receive());
            Assert.Throws<InvalidOperationException>(() => writer.Poll());
            writer.Close();
            Assert.Throws<EndOfStreamException>(() => reader.Receive());
        }
    }

    [Theory, Trait("Case", "54")]
    [InlineData(5, null), InlineData(7, 8), InlineData(26, null), InlineData(26, 0)]
    public void A_part_of_a_buffer_is_sent(int offset, int? size)
    {
        var buffer = "abcdefghijklmnopqrstuvwxyz"u8.ToArray();
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            if (size is { } length) a.Send(buffer, offset, length);
            else a.Send(buffer, offset);
            Assert.Equal(buffer[offset..(offset + (size ?? 26 - offset))], b.Receive());
        }
    }

    [Theory, Trait("Case", "54")]
    [InlineData(27, null), InlineData(22, 5), InlineData(26, 1), InlineData(-1, null), InlineData(4, -1)]
    public void A_part_that_is_not_in_the_buffer_is_refused(int offset, int? size)
    {
        var buffer = new byte[26];
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() =>
            {
                if (size is { } length) a.Send(buffer, offset, length);
                else a.Send(buffer, offset);
            });
            Assert.False(b.Poll());
        }
    }

    [Fact, Trait("Case", "55")]
    public void A_closed_connection_says_so()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b) Assert.False(a.IsClosed);
        a.Close();
        Assert.True(a.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => a.Send([1]));
        Assert.Throws<ObjectDisposedException>(() => a.Receive());
        Assert.Throws<ObjectDisposedException>(() => a.Poll());
        Assert.Throws<ObjectDisposedException>(() => a.Handle);
    }

    [Fact]
    public async Task Closing_ends_the_calls_that_wait_in_other_threads_and_no_other_process_s()
    {
        var (a, b) = Pipe.Create();
        using (b)
        using (var sameEnd = new Connection(Native.Descriptors.Duplicate(a.Handle)))
        {
            Task[] waiting =
            [
                Peers.Run(() => Assert.Throws<ObjectDisposedException>(() => a.Receive())),
                Peers.Run(() => Assert.Throws<ObjectDisposedException>(() => a.Poll(Timeout.InfiniteTimeSpan))),
                Assert.ThrowsAsync<ObjectDisposedException>(async () => await a.ReceiveAsync()),
                Peers.Run(() => Assert.Throws<ObjectDisposedException>(() => a.Send(new byte[1 << 22]))),
            ];
            await Task.Delay(50);
            Assert.All(waiting, w => Assert.False(w.IsCompleted));
            a.Close();
            await Task.WhenAll(waiting).WaitAsync(Peers.Patience);

            b.Send([1]);
            Assert.Equal([1], sameEnd.Receive());
        }
    }

    [Fact]
    public async Task A_cancelled_receive_loses_nothing()
    {
        var (connection, raw) = Peers.Half();
        using (connection)
        using (raw)
        {
            byte[] bytes = [0, 0, 0, 5, 1, 2, 3, 4, 5];
            for (var cut = 0; cut < bytes.Length; cut++)
            {
                raw.Send(bytes, cut, SocketFlags.None);
                using var stop = new CancellationTokenSource();
                var receiving = connection.ReceiveAsync(stop.Token).AsTask();
                await Task.Delay(5);
                stop.Cancel();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
                raw.Send(bytes, cut, bytes.Length - cut, SocketFlags.None);
                if (cut % 2 == 0) Assert.Equal(bytes[4..], connection.Receive());
                else Assert.Equal(5, connection.ReceiveInto(new byte[5]));
            }
        }
    }

    [Fact]
    public async Task A_send_cancelled_in_the_middle_of_a_message_tells_the_other_end()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            using var stop = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => a.SendAsync(new byte[1], new CancellationToken(true)).AsTask());
            a.Send([1]);
            var sending = a.SendAsync(new byte[1 << 22], stop.Token).AsTask();
            await Task.Delay(20);
            stop.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
            Assert.Equal([1], b.Receive());
            Assert.Throws<TruncatedMessageException>(() => b.Receive());
            Assert.False(a.Writable);
            Assert.Throws<InvalidOperationException>(() => a.Send([1]));
            b.Send([2]);
            Assert.Equal([2], a.Receive());
        }
    }

    [Fact]
    public void A_value_that_does_not_serialise_and_one_that_does_not_parse_leave_the_connection_usable()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            a.Close();
        }

        (a, b) = Pipe.Create();
        var (closed, other) = Pipe.Create();
        closed.Close();
        using (other)
        using (a)
        using (b)
        {
            Assert.Throws<ObjectDisposedException>(() => a.Send(new Parcel(1, null, closed), PeersJson.Default.Parcel));
            a.Send("no json"u8);
            Assert.Throws<JsonException>(() => b.Receive(PeersJson.Default.Parcel));
            a.Send(3, PeersJson.Default.Int32);
            Assert.Equal(3, b.Receive(PeersJson.Default.Int32));
        }
    }

    [Fact]
    public void A_file_is_no_connection()
    {
        using var file = File.OpenHandle("/dev/null");
        Assert.Throws<ArgumentException>(() => new Connection(file));
        var (a, b) = Pipe.Create();
        using (a)
        using (b) Assert.Throws<ArgumentException>(() => new Connection(a.Handle, readable: false, writable: false));
    }

    // Goal: whatever bytes arrive, in whatever pieces, the messages come out as they went in, or one of the named errors does.
    // Method: a seeded peer writes frames and rubbish in pieces cut anywhere, by every form of receive.
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(8), InlineData(13)]
    public async Task Framing_survives_any_cut_and_any_rubbish(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var messages = Enumerable.Range(0, random.Next(6)).Select(_ => new byte[random.Next(400)]).ToList();
            var stream = new MemoryStream();
            foreach (var message in messages)
            {
                random.NextBytes(message);
                var isLong = random.Next(4) == 0;
                var header = new byte[12];
                BinaryPrimitives.WriteInt32BigEndian(header, isLong ? -1 : message.Length);
                BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(4), message.Length);
                stream.Write(header, 0, isLong ? 12 : 4);
                stream.Write(message);
            }

            var rubbish = new byte[random.Next(12)];
            random.NextBytes(rubbish);
            stream.Write(rubbish);

            var (connection, raw) = Peers.Half();
            using (connection)
            {
                connection.MaxMessageSize = 1000;
                var seedOfPeer = random.Next();
                var sending = Task.Run(() =>
                {
                    var cuts = new Random(seedOfPeer);
                    using (raw)
                    {
                        for (var rest = stream.ToArray().AsSpan(); rest.Length > 0;)
                        {
                            var piece = Math.Min(rest.Length, 1 + cuts.Next(100));
                            raw.Send(rest[..piece]);
                            rest = rest[piece..];
                            if (cuts.Next(8) == 0) Thread.Yield();
                        }
                    }
                });
                foreach (var message in messages)
                {
                    var buffer = new byte[message.Length];
                    var received = random.Next(3) switch
                    {
                        0 => connection.Receive(),
                        1 => await connection.ReceiveAsync(),
                        _ => buffer[..connection.ReceiveInto(buffer)],
                    };
                    Assert.Equal(message, received);
                }

                var error = Record.Exception(() =>
                {
                    for (var i = 0; i < 100; i++) connection.Receive();
                });
                Assert.True(error is EndOfStreamException or TruncatedMessageException or MessageTooLargeException, $"{error}");
                if (error is EndOfStreamException && rubbish.Length > 0) Assert.True(rubbish.Length >= 4);
                connection.Close();
                await Task.WhenAny(sending);
                _ = sending.Exception;
            }
        }
    }

    [Fact]
    public void Sending_and_receiving_small_messages_allocates_only_the_message()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var buffer = new byte[64];
            void RoundTrip()
            {
                a.Send(buffer.AsSpan(0, 8));
                b.ReceiveInto(buffer);
            }

            for (var i = 0; i < 100; i++) RoundTrip();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) RoundTrip();
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void It_works_over_tcp_too()
    {
        using var listener = new Listener(new IPEndPoint(IPAddress.Loopback, 0), Peers.Keyed);
        Assert.NotEqual(0, ((IPEndPoint)listener.EndPoint).Port);
        using var client = Client.Connect(new DnsEndPoint("localhost", ((IPEndPoint)listener.EndPoint).Port), Peers.Keyed);
        using var server = listener.Accept();
        Assert.IsType<IPEndPoint>(listener.LastAccepted);
        client.Send(new byte[100_000]);
        Assert.Equal(100_000, server.Receive().Length);
        Assert.Throws<InvalidOperationException>(() => client.SendDescriptor(server.Handle));
        Assert.Throws<NotSupportedException>(() => client.Send(new Parcel(1, null, server), PeersJson.Default.Parcel));
        server.Close();
        Assert.Throws<EndOfStreamException>(() => client.Receive());
    }
}

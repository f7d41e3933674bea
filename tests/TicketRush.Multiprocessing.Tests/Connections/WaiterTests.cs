using System.Diagnostics;
using System.Net.Sockets;

namespace TicketRush.Multiprocessing.Tests.Connections;

public sealed class WaiterTests
{
    [Fact, Trait("Case", "57")]
    public void All_that_are_ready_are_named_in_their_order_and_none_after_the_time()
    {
        var pipes = Enumerable.Range(0, 40).Select(_ => Pipe.Create(duplex: false)).ToArray();
        var readers = pipes.Select(p => p.First).ToArray();
        var watch = Stopwatch.StartNew();
        Assert.Empty(Waiter.Wait(readers, TimeSpan.Zero));
        Assert.Empty(Waiter.Wait(readers, TimeSpan.FromSeconds(-1)));
        Assert.Empty(Waiter.Wait(readers, TimeSpan.FromMilliseconds(60)));
        Assert.InRange(watch.Elapsed.TotalMilliseconds, 60, 20_000);

        pipes[3].Second.Send([3]);
        pipes[30].Second.Send([]);
        pipes[17].Second.Close();
        Assert.Equal([readers[3], readers[17], readers[30]], Waiter.Wait(readers, Timeout.InfiniteTimeSpan));
        Assert.Equal([3], readers[3].Receive());
        Assert.Equal([readers[17], readers[30]], Waiter.Wait(readers, Peers.Patience));
        foreach (var (reader, writer) in pipes)
        {
            reader.Close();
            writer.Close();
        }
    }

    [Fact, Trait("Case", "57")]
    public async Task Pipes_and_sockets_and_wait_handles_mix()
    {
        var (a, b) = Pipe.Create();
        var (connection, raw) = Peers.Half();
        using var set = new AutoResetEvent(false);
        using var semaphore = new Semaphore(0, 5);
        using (a)
        using (b)
        using (raw)
        using (connection)
        {
            object[] all = [b, raw, set, semaphore];
            Assert.Empty(Waiter.Wait(all, TimeSpan.FromMilliseconds(20)));
            (Action, object)[] signals = [(() => a.Send([1]), b), (() => connection.Send([]), raw), (() => set.Set(), set)];
            foreach (var (make, expected) in signals)
            {
                var waiting = Peers.Run(() => Waiter.Wait(all, Peers.Patience));
                await Task.Delay(10);
                make();
                Assert.Equal([expected], await waiting);
                if (expected == b) b.Receive();
                if (expected == raw) raw.Receive(new byte[4]);
            }

            // What was taken is taken, and what nobody was told of is not.
            Assert.False(set.WaitOne(0));
            semaphore.Release(3);
            a.Send([1]);
            Assert.Equal([b, semaphore], Waiter.Wait(all, Peers.Patience));
            Assert.True(semaphore.WaitOne(0) && semaphore.WaitOne(0) && !semaphore.WaitOne(0));
        }
    }

    // Goal: a signal is never lost and never told of twice, however the wait for it and the time of it fall together.
    [Fact]
    public async Task No_signal_is_lost_between_waits()
    {
        const int count = 500;
        using var semaphore = new Semaphore(0, count);
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        {
            var signalling = Peers.Run(() =>
            {
                var random = new Random(1);
                for (var i = 0; i < count; i++)
                {
                    semaphore.Release();
                    Thread.SpinWait(random.Next(20_000));
                }
            });
            object[] all = [b, semaphore];
            var seen = 0;
            for (var watch = Stopwatch.StartNew(); seen < count && watch.Elapsed < Peers.Patience;)
                seen += Waiter.Wait(all, TimeSpan.FromMilliseconds(seen % 3)).Count;
            await signalling;
            Assert.Equal(count, seen);
        }
    }

    [Fact]
    public void A_wait_can_be_cancelled()
    {
        var (a, b) = Pipe.Create();
        using (a)
        using (b)
        using (var stop = new CancellationTokenSource(30))
            Assert.ThrowsAny<OperationCanceledException>(() => Waiter.Wait([a, b], Timeout.InfiniteTimeSpan, stop.Token));
    }

    [Fact]
    public void What_cannot_be_waited_for_is_refused()
    {
        var (a, b) = Pipe.Create(duplex: false);
        using (a)
        using (b)
        using (var mutex = new Mutex())
        {
            Assert.Throws<ArgumentException>(() => Waiter.Wait([b], TimeSpan.Zero));
            Assert.Throws<ArgumentException>(() => Waiter.Wait<object>(["text"], TimeSpan.Zero));
            Assert.Throws<ArgumentException>(() => Waiter.Wait([mutex], TimeSpan.Zero));
            b.Close();
            a.Close();
            Assert.Throws<ObjectDisposedException>(() => Waiter.Wait([a], TimeSpan.Zero));
        }
    }
}

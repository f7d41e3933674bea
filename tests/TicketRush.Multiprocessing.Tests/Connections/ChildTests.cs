using System.Diagnostics;

namespace TicketRush.Multiprocessing.Tests.Connections;

/// <summary>Connections between real processes.</summary>
public sealed class ChildTests
{
    [Fact, Trait("Case", "49")]
    public void A_child_answers_over_its_end_of_a_pipe()
    {
        var (mine, childs) = Pipe.Create();
        using (mine)
        {
            using var child = new ChildProcess(Echo, childs);
            child.Start();
            childs.Close();
            mine.Send("hello"u8);
            Assert.Equal("hello"u8, mine.Receive());
            mine.Send(new byte[16 << 20]);
            Assert.Equal(16 << 20, mine.Receive().Length);
            mine.Send([]);
            Assert.Throws<EndOfStreamException>(() => mine.Receive());
            Assert.True(child.Join(Peers.Patience));
            Assert.Equal(0, child.ExitCode);
        }
    }

    [Fact, Trait("Case", "55")]
    public void The_parent_may_close_its_copy_right_after_the_start()
    {
        var (mine, childs) = Pipe.Create(duplex: false);
        using (mine)
        using (var child = new ChildProcess(Say, childs, "from the child"))
        {
            child.Start();
            childs.Close();
            Assert.Equal("from the child"u8, mine.Receive());

            // The child has the only other copy, so its end is the end.
            Assert.Throws<EndOfStreamException>(() => mine.Receive());
            Assert.True(child.Join(Peers.Patience));
        }
    }

    [Fact, Trait("Case", "52")]
    public void A_killed_child_is_the_end_of_its_connection()
    {
        var (mine, childs) = Pipe.Create();
        using (mine)
        using (var child = new ChildProcess(Echo, childs))
        {
            child.Start();
            childs.Close();
            mine.Send([1]);
            mine.Receive();
            child.Kill();
            Assert.Throws<EndOfStreamException>(() => mine.Receive());
            Assert.True(child.Join(Peers.Patience));
            Assert.Equal(-9, child.ExitCode);
        }
    }

    [Fact, Trait("Case", "52")]
    public void A_child_killed_in_the_middle_of_a_message_is_told_from_one_that_ended()
    {
        var (mine, childs) = Pipe.Create(duplex: false);
        using (mine)
        using (var child = new ChildProcess(Flood, childs))
        {
            child.Start();
            childs.Close();
            Assert.True(mine.Poll(Peers.Patience));
            child.Kill();
            Assert.True(child.Join(Peers.Patience));
            Assert.Throws<TruncatedMessageException>(() => mine.Receive());
        }
    }

    [Fact, Trait("Case", "57")]
    public void A_wait_mixes_pipes_and_the_sentinels_of_processes()
    {
        var (mine, childs) = Pipe.Create();
        using (mine)
        using (var child = new ChildProcess(Echo, childs))
        {
            child.Start();
            childs.Close();
            object[] all = [mine, child];
            Assert.Empty(Waiter.Wait(all, TimeSpan.FromMilliseconds(20)));
            mine.Send([1]);
            Assert.Equal([mine], Waiter.Wait(all, Peers.Patience));
            mine.Receive();

            var watch = Stopwatch.StartNew();
            child.Kill();
            Assert.NotEmpty(Waiter.Wait(all, Peers.Patience));
            Peers.Until(() => Waiter.Wait(all, TimeSpan.Zero).Count == 2, "both the end of the pipe and the end of the child are seen");
            Assert.True(watch.Elapsed < Peers.Patience);
            Assert.Equal([child.Sentinel], Waiter.Wait<object>([child.Sentinel], Peers.Patience));
        }
    }

    [Fact, Trait("Case", "D14")]
    public void A_stopped_peer_is_waited_for_and_is_no_end()
    {
        var (mine, childs) = Pipe.Create();
        using (mine)
        using (var child = new ChildProcess(Echo, childs))
        {
            child.Start();
            childs.Close();
            mine.Send([1]);
            Assert.Equal([1], mine.Receive());
            Signal("STOP", child);
            mine.Send([2]);
            Assert.False(mine.Poll(TimeSpan.FromMilliseconds(200)));
            Signal("CONT", child);
            Assert.Equal([2], mine.Receive());
            mine.Send([]);
            Assert.True(child.Join(Peers.Patience));
        }
    }

    [Fact, Trait("Case", "56")]
    public void A_child_is_sent_further_connections_over_the_one_it_has()
    {
        var (mine, childs) = Pipe.Create();
        using (mine)
        using (var child = new ChildProcess(Route, childs))
        {
            child.Start();
            childs.Close();
            for (var i = 0; i < 20; i++)
            {
                var (near, far) = Pipe.Create();
                using (near)
                {
                    mine.Send(new(i, "say", far), PeersJson.Default.Parcel);
                    far.Close();
                    Assert.Equal([(byte)i], near.Receive());
                    Assert.Throws<EndOfStreamException>(() => near.Receive());
                }
            }

            mine.Close();
            Assert.True(child.Join(Peers.Patience));
            Assert.Equal(0, child.ExitCode);
        }
    }

    private static void Signal(string name, ChildProcess child)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{child.Pid}"]);
        kill.WaitForExit();
    }

    private static void Echo(Connection connection)
    {
        for (byte[] message; (message = connection.Receive()).Length > 0;) connection.Send(message);
    }

    private static void Say(Connection connection, string text) => connection.Send(System.Text.Encoding.UTF8.GetBytes(text));

    private static void Flood(Connection connection) => connection.Send(new byte[32 << 20]);

    private static void Route(Connection connection)
    {
        try
        {
            while (connection.Receive(PeersJson.Default.Parcel) is { Way: { } way } parcel)
            {
                using (way) way.Send([(byte)parcel.Id]);
            }
        }
        catch (EndOfStreamException)
        {
            // No more.
        }
    }
}

namespace TicketRush.Samples.Tests;

public sealed class SocketSamples
{
    [Sample("udp-chat")]
    public async Task One_server_chats_with_two_clients_and_says_when_a_message_is_too_long()
    {
        var said = await Transcript.OfAsync("udp-chat");
        foreach (var client in new[] { "client1", "client2" })
        {
            said.HasInOrder(
                $"server: message from {client}: are there tickets?",
                $"  {client}: message from server: are there tickets? yes",
                $"  {client}: message from server: for tonight? yes");
            said.Has($"server: message from {client}: for tonight?");
        }

        Assert.Equal("server: the message has 65,537 bytes as JSON, and a datagram 65,507 at most; send it over TCP.", said.Lines[^1]);
        Assert.Equal(9, said.Lines.Count);
    }

    [Sample("non-blocking-sockets")]
    public async Task A_socket_says_that_it_would_block_or_waits_as_long_as_its_timeout() =>
        (await Transcript.OfAsync("non-blocking-sockets")).Is(
            """
            accept, blocking False: WouldBlock
            accept, after a client has connected: there it is
            receive, blocking False: WouldBlock
            timeout, as it comes: 0 ms, which is for ever
            timeout, read back: 100 ms
            receive, with the timeout: TimedOut
            waited that long: True
            receive, after the client has sent: 1 byte, 42
            """);

    [Sample("socket-as-file")]
    public async Task A_socket_has_a_descriptor_and_is_read_and_written_by_lines()
    {
        var said = await Transcript.OfAsync("socket-as-file");
        said.Is(
            $"""
            client: descriptor *, server: descriptor *
            two descriptors: True
            {(OperatingSystem.IsLinux() ? "the system calls it socket:[*]\n" : "")}arrived before the flush: 0 bytes
            line: two tickets for ann
            line: one ticket for bob
            the end of the file is the end of what the other side sends
            closed: True
            """);
    }

    [Sample("client-authentication")]
    public async Task Who_has_the_key_is_served_and_who_has_not_is_hung_up_on()
    {
        var said = await Transcript.OfAsync("client-authentication");
        said.Is(
            """
              server: the client is one of ours
            honest, by hand: TWO TICKETS, PLEASE
              server: the client is not one of ours, and nothing it says is read
            forged, by hand: hung up on
            honest, by the library: two tickets, please
              listener: The peer's proof is wrong: *
            forged, by the library: The peer did not accept the proof: *
            """);
    }

    [Sample("tcp-process-per-client")]
    public async Task A_silent_client_keeps_nobody_waiting_where_each_has_a_process()
    {
        var said = await Transcript.OfAsync("tcp-process-per-client");
        said.Is(
            """
            bob: HELLO
            ann: GOOD MORNING
            bob: TWO TICKETS
              process *: 127.0.0.1:* has gone
            ann, after bob has gone: STILL HERE
              process *: 127.0.0.1:* has gone
            two processes: True; exit codes 0 and 0
            """);
    }

    [Sample("tcp-handler-class")]
    public async Task Clients_are_served_at_once_by_a_handler_each_and_a_failing_one_harms_no_other()
    {
        var said = await Transcript.OfAsync("tcp-handler-class");
        said.HasInOrder("server: listening", "bob: BOB WANTS A TICKET", "ann: ANN WANTS A TICKET", "bob: hung up on", "ann: STILL SERVED");
        said.Has("server: a client is dropped, this client is too much");
        Assert.Equal(2, said.Count("cy: CY WANTS A TICKET"));
        Assert.Equal("server: closed, and no handler is left", said.Lines[^1]);
    }
}

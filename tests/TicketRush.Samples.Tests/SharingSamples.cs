namespace TicketRush.Samples.Tests;

public sealed class SharingSamples
{
    [Sample("lock-orders-printing")]
    public async Task With_the_lock_nobody_prints_between_two_lines_of_another()
    {
        var said = await Transcript.OfAsync("lock-orders-printing");
        string[] lines = [.. said.Lines];
        Assert.Equal(14, lines.Length);
        Assert.Equal("without a lock:", lines[0]);
        Assert.Equal("with the lock:", lines[7]);
        for (var worker = 0; worker < 3; worker++)
        {
            Assert.Equal(2, said.Count($"  {worker}: process * is running"));
            Assert.Equal(2, said.Count($"  {worker}: process * is done"));
        }

        for (var pair = 8; pair < 14; pair += 2)
        {
            Assert.EndsWith("is running", lines[pair], StringComparison.Ordinal);
            Assert.Equal(lines[pair].Replace("is running", "is done", StringComparison.Ordinal), lines[pair + 1]);
        }
    }

    [Sample("semaphore-ticket-windows")]
    public async Task Never_more_than_two_buyers_are_at_the_two_windows()
    {
        var said = await Transcript.OfAsync("semaphore-ticket-windows");
        var (inside, most) = (0, 0);
        foreach (var line in said.Lines)
        {
            if (line.EndsWith("is at a window", StringComparison.Ordinal)) inside++;
            if (line.EndsWith("has a ticket", StringComparison.Ordinal)) inside--;
            most = Math.Max(most, inside);
        }

        Assert.InRange(most, 1, 2);
        Assert.Equal(5, said.Count("  buyer ? has a ticket"));
        Assert.Equal(2, said.Count("2 windows are free"));
        said.Has("refused: SharedBoundedSemaphore.Release: *");
    }

    [Sample("event-sale-opens")]
    public async Task Everybody_waits_for_the_event_and_nobody_passes_before_it()
    {
        var said = await Transcript.OfAsync("event-sale-opens");
        said.Is(
            """
              buyer ? waits
              buyer ? waits
              buyer ? waits
            the sale opens: door open False
              buyer ? is in
              buyer ? is in
              buyer ? is in
            open: a late buyer gets in True
            closed: a buyer gets in within 50 ms False
            """);
        for (var buyer = 1; buyer <= 3; buyer++) said.HasInOrder($"  buyer {buyer} waits", $"  buyer {buyer} is in");
    }

    [Sample("pipe-box-office")]
    public async Task Questions_and_answers_go_through_a_pipe_until_it_is_closed() =>
        (await Transcript.OfAsync("pipe-box-office")).Is(
            """
            ann: 2 sold, 1 left
            bob: refused, 1 left
            cy: 1 sold, 0 left
              box office: closed with 0 left
            box office: exit code 0
            """);

    [Sample("manager-seat-map")]
    public async Task Sellers_who_share_a_managed_seat_map_sell_every_seat_once()
    {
        var said = await Transcript.OfAsync("manager-seat-map");
        said.Is(
            """
            main: 6 seats, 0 sold, kept in another process True
              seller ? has sold ?
              seller ? has sold ?
              seller ? has sold ?
            main: 6 sold, 6 different, 0 free
            main: the sellers say 6, the till says 300
            main: The managed dictionary has no key Z9.
            main: the objects have ended with their manager
            """);
    }

    [Sample("pool-ticket-codes")]
    public async Task A_pool_keeps_the_order_tells_what_failed_and_goes_on_when_a_worker_is_killed() =>
        (await Transcript.OfAsync("pool-ticket-codes")).Is(
            """
            map: 1000 codes, all different True
            the same as here: True
            not done here: True
            imap: ticket 1 has the code that it had
            imap: ticket 2 has the code that it had
            imap: ticket 3 has the code that it had
            callback: ticket 7 for ann
            awaited: ticket 7 for ann
            refused: ArgumentOutOfRangeException, thrown in a worker True
            lost: a worker, by signal 9
            and on it goes: ticket 8 for bob
            closed: 0 processes left
            """);
}

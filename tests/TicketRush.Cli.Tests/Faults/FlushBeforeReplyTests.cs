namespace TicketRush.Cli.Tests.Faults;

// Goal: no answer of any server rests on a batch that is not known to be flushed, also when another server wrote it.
// Method: server A dies on its way into the flush of its batch, so the batch is in the file and not on the disk. Server B, which
// has the same sale open, is asked for something that depends on the batch; its system calls tell what it did first.
[Collection(nameof(FaultCollection))]
public sealed class FlushBeforeReplyTests
{
    private static readonly string[] Watch = ["-e", "trace=pwrite64,fdatasync,sendto,sendmsg,write,writev"];

    public static TheoryData<int> Flushes => Storm.IsFull ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 4];

    [Theory, MemberData(nameof(Flushes))]
    public async Task A_repeated_success_waits_for_the_flush_that_another_server_never_made(int flush)
    {
        await using var place = await Place.MakeAsync(capacity: flush);
        var (last, other) = await DieBeforeFlushAsync(place, flush);
        var marker = await MarkAsync(place, other);

        Assert.Equal(200, (await place.BuyAsync(other, last))!.Status);
        Assert.Equal(flush + 3, last.Sequence);

        var trace = await EndAsync(other);
        Assert.Null(FlushLog.Check(trace, place.JournalPath(), marker, last.Id.ToString()));
        Assert.NotNull(FlushLog.Check(WithoutFlushes(trace), place.JournalPath(), marker, last.Id.ToString()));
        Assert.NotNull(FlushLog.Check(WithReplyFirst(trace, marker, last.Id.ToString()), place.JournalPath(), marker, last.Id.ToString()));
        await place.SettleAndAuditAsync();
    }

    [Theory, MemberData(nameof(Flushes))]
    public async Task A_refusal_waits_for_the_flush_that_another_server_never_made(int flush)
    {
        await using var place = await Place.MakeAsync(capacity: flush);
        var (_, other) = await DieBeforeFlushAsync(place, flush);
        var marker = await MarkAsync(place, other);

        var refused = (await place.BuyAsync(other, Place.NewWish()))!;
        Assert.Equal((409, "SOLD_OUT"), (refused.Status, refused.Code));

        var trace = await EndAsync(other);
        Assert.Null(FlushLog.Check(trace, place.JournalPath(), marker, "urn:ticketrush:sold-out"));
        Assert.NotNull(FlushLog.Check(WithoutFlushes(trace), place.JournalPath(), marker, "urn:ticketrush:sold-out"));
        await place.SettleAndAuditAsync();
    }

    private static async Task<(Wish Last, RushProcess Other)> DieBeforeFlushAsync(Place place, int flush)
    {
        Needs.Strace();
        var other = await place.ServeAsync(Watch);

        // With the error the call is not even tried; with the signal the server never learns of it.
        var dying = await place.ServeAsync(["-e", "trace=fdatasync", "-e", $"inject=fdatasync:error=EIO:signal=KILL:when={flush}"]);
        for (var i = 1; i < flush; i++) Assert.Equal(200, (await place.BuyAsync(dying, Place.NewWish()))!.Status);

        var last = Place.NewWish();
        Assert.Null(await place.BuyAsync(dying, last));
        Assert.NotEqual(0, await dying.WaitForExitAsync());

        // The batch is there, whole: it is the flush that is missing.
        Assert.Equal(flush + 3, JournalFile.Read(place.JournalPath()).Batches[^1].LastSequence);
        return (last, other);
    }

    private static async Task<string> MarkAsync(Place place, RushProcess server)
    {
        var marker = $"marker-{Guid.NewGuid():N}";
        Assert.Equal(404, (await place.Shop.GetAsync($"{server.Url}/{marker}")).Status);
        return marker;
    }

    private static async Task<string[]> EndAsync(RushProcess server)
    {
        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync());
        return await server.ReadTraceAsync();
    }

    // Two doctored logs, of servers that answer too early: the check must see it.
    private static string[] WithoutFlushes(string[] trace) =>
        [.. trace.Where(line => !line.Contains("fdatasync", StringComparison.Ordinal))];

    private static string[] WithReplyFirst(string[] trace, string marker, string reply)
    {
        var lines = trace.ToList();
        var at = lines.FindLastIndex(line => line.Contains(reply, StringComparison.Ordinal));
        var sent = lines[at];
        lines.RemoveAt(at);
        lines.Insert(lines.FindIndex(line => line.Contains(marker, StringComparison.Ordinal)) + 1, sent);
        return [.. lines];
    }
}

using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Tests;

/// <summary>What a machine has seen is never forgotten, whoever of its processes writes, in whatever order.</summary>
public sealed class WitnessTests : IDisposable
{
    private static readonly UInt128 Journal = 7;

    private readonly ScratchDirectory _directory = new();

    [Fact]
    public void Who_lags_and_writes_last_does_not_turn_it_back()
    {
        using var lagging = Open();
        using (var first = Open())
        {
            for (var sequence = 1; sequence <= 50; sequence++) first.Advance(Seen(sequence));
        }

        for (var sequence = 1; sequence <= 21; sequence++) lagging.Advance(Seen(sequence));
        AssertSeen(50);
    }

    [Fact]
    public void Two_that_write_in_turn_leave_the_highest()
    {
        using var one = Open();
        using var two = Open();
        for (var sequence = 1; sequence <= 99; sequence++) (sequence % 3 == 0 ? one : two).Advance(Seen(sequence));
        AssertSeen(99);
    }

    [Fact]
    public void Who_only_looks_on_writes_nothing_and_is_held_against_what_was_seen()
    {
        using var first = Open();
        first.Advance(Seen(5));
        using var watch = Witness.Open(_directory.Path, Journal, writes: false);
        Assert.Equal((5, Seen(5).Hash), (watch.Sequence, watch.Hash));
        watch.Advance(Seen(9));
        AssertSeen(5);
    }

    [Fact]
    public void What_another_process_has_seen_is_learned_before_the_database_is_asked()
    {
        using var one = Open();
        using var two = Open();
        two.Advance(Seen(3));
        one.Refresh();
        Assert.Equal((3, Seen(3).Hash), (one.Sequence, one.Hash));
        Assert.True(one.Allows(Seen(3)));
        Assert.False(one.Allows(Seen(3) with { Hash = Seen(4).Hash }));
    }

    [Fact]
    public void One_half_may_be_torn_and_the_other_is_what_is_left()
    {
        using (var first = Open())
        {
            for (var sequence = 1; sequence <= 4; sequence++) first.Advance(Seen(sequence));
        }

        var path = Directory.GetFiles(_directory.Path).Single();
        var bytes = File.ReadAllBytes(path);
        foreach (var slot in new[] { 0, 64 })
        {
            var torn = bytes.ToArray();
            torn[slot + 20] ^= 1;
            File.WriteAllBytes(path, torn);
            AssertSeen(torn[64 - slot]);
        }

        Assert.Equal(7, bytes[0] + bytes[64]);
    }

    [Fact]
    public void Who_is_frozen_while_writing_holds_nobody_up_and_nothing_is_forgotten()
    {
        using var one = Open();
        one.Advance(Seen(1));
        var frozen = new TurnHandle(one.Path);
        Assert.True(Platform.Current.TryLock(frozen, TurnByte.Turn, shared: false));
        one.Advance(Seen(2));
        one.Advance(Seen(3));
        Assert.Equal(3, one.Sequence);
        AssertSeen(1);

        Platform.Current.Unlock(frozen, TurnByte.Turn);
        frozen.Dispose();
        one.Advance(Seen(3));
        AssertSeen(3);
    }

    public void Dispose() => _directory.Dispose();

    private static Tail Seen(long sequence)
    {
        var hash = new byte[ChainHash.Size];
        hash[0] = (byte)sequence;
        return new(sequence, 0, ChainHash.Read(hash), 0);
    }

    private Witness Open() => Witness.Open(_directory.Path, Journal);

    private void AssertSeen(long sequence)
    {
        using var witness = Open();
        Assert.Equal((sequence, Seen(sequence).Hash), (witness.Sequence, witness.Hash));
    }
}

using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Memory;

/// <summary>Shared values and arrays.</summary>
public sealed class ValueTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "70")]
    public void What_a_child_writes_is_seen()
    {
        using var value = new SharedValue<int>(7);
        using var array = new SharedArray<long>([1, 2, 3, 4]);
        Assert.Equal(7, value.Value);
        Assert.Equal([2, 3], array.AsSpan()[1..3].ToArray());
        _kids.Start(MemoryTargets.Write, value, array).Join();
        Assert.Equal(42, value.Value);
        Assert.Equal([0, 10, 20, 30], array.AsSpan().ToArray());
        Assert.Throws<IndexOutOfRangeException>(() => array[4]);
    }

    [Fact]
    [Trait("Case", "70")]
    public void An_array_is_zero_also_in_memory_that_was_used_before()
    {
        for (var i = 0; i < 20; i++)
        {
            using var array = new SharedArray<long>(1000 << (i % 5));
            Assert.False(array.AsSpan().ContainsAnyExcept(0));
            array.AsSpan().Fill(-1);
        }
    }

    [Fact]
    [Trait("Case", "70")]
    public void There_is_no_lock_where_none_was_asked_for_and_the_given_one_where_one_was()
    {
        using var without = new SharedValue<int>(withLock: false);
        Assert.Throws<InvalidOperationException>(() => without.Lock);
        using var theLock = new SharedRLock();
        using var with = new SharedValue<int>(1, theLock);
        Assert.Same(theLock, with.Lock);
        Assert.Throws<ArgumentNullException>(() => new SharedValue<int>(1, null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SharedArray<long>(-1));
    }

    [Fact]
    [Trait("Case", "70")]
    public void With_the_lock_no_update_is_lost()
    {
        using var value = new SharedValue<int>();
        var children = Enumerable.Range(0, 2).Select(_ => _kids.Start(MemoryTargets.AddLocked, value, 100_000)).ToArray();
        foreach (var child in children) child.Join();
        Assert.Equal(200_000, value.Value);
    }

    public void Dispose() => _kids.Dispose();
}

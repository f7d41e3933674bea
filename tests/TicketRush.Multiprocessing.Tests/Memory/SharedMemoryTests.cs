using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Memory;

/// <summary>Named shared memory, and who removes its name.</summary>
public sealed class SharedMemoryTests : IDisposable
{
    private readonly Kids _kids = new();
    private readonly string _name = Guid.NewGuid().ToString("n");

    [Fact]
    [Trait("Case", "71")]
    public void A_name_is_taken_once_and_opened_by_others()
    {
        using var memory = new SharedMemory(100, _name);
        Assert.Throws<IOException>(() => new SharedMemory(100, _name));
        Assert.Throws<FileNotFoundException>(() => SharedMemory.Open(_name + "x"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SharedMemory(0));
        Assert.Throws<ArgumentException>(() => new SharedMemory(1, "a/b"));
        Assert.False(memory.AsSpan().ContainsAnyExcept((byte)0));
        using (var other = SharedMemory.Open(_name)) other.AsSpan()[0] = 1;
        Assert.Equal(1, memory.AsSpan()[0]);
        Assert.Equal(100, memory.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(50, 51));
    }

    [Fact]
    [Trait("Case", "71")]
    public void A_foreign_user_s_end_does_not_remove_the_name_and_the_owner_s_does()
    {
        using (var memory = new SharedMemory(100, _name))
        {
            _kids.Start(MemoryTargets.OpenMemory, _name).Join();
            _kids.Start(MemoryTargets.WriteMemory, memory).Join();
            Assert.Equal([0, 2, 3], memory.AsSpan()[..3].ToArray());
            Assert.True(Exists);
        }

        Assert.False(Exists);
    }

    [Fact]
    [Trait("Case", "71")]
    [Trait("Case", "73")]
    public void The_name_goes_when_its_owner_is_killed_and_those_who_have_the_memory_keep_it()
    {
        using var ready = new SharedEvent();
        var child = _kids.Start(MemoryTargets.MakeMemory, _name, ready);
        Assert.True(ready.Wait(Kids.Patience));
        using var memory = SharedMemory.Open(_name);
        child.Kill();
        Kids.Until(() => !Exists);
        Assert.Equal(9, memory.AsSpan()[4999]);
        Assert.Throws<FileNotFoundException>(() => SharedMemory.Open(_name));
    }

    [Fact]
    [Trait("Case", "73")]
    public void A_name_that_a_whole_dead_tree_left_behind_is_free()
    {
        // As such a tree leaves it: a file that nobody has locked.
        File.WriteAllBytes(FilePath, new byte[10]);
        Assert.Throws<FileNotFoundException>(() => SharedMemory.Open(_name));
        File.WriteAllBytes(FilePath, new byte[10]);
        using var memory = new SharedMemory(20, _name);
        Assert.Equal(20, memory.Length);
        memory.Unlink();
        Assert.False(Exists);
        using var next = new SharedMemory(30, _name);
        memory.Dispose();
        Assert.True(Exists);
    }

    public void Dispose() => _kids.Dispose();

    private string FilePath => "/dev/shm/ticketrush-" + _name;

    private bool Exists => File.Exists(FilePath);
}

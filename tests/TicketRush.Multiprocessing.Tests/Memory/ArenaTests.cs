using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Memory;

/// <summary>What the processes that share an arena leave in it when they are killed: nothing.</summary>
[Collection("Alone")]
public sealed class ArenaTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "73")]
    [Trait("Case", "D13")]
    public void The_arena_has_no_name_that_could_be_left_behind()
    {
        var target = File.ResolveLinkTarget(Arena.Current.Path, returnFinalTarget: false)!.FullName;
        Assert.EndsWith(" (deleted)", target, StringComparison.Ordinal);
        Assert.Contains("memfd:", target, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Storm", "true")]
    [Trait("Case", "73")]
    [Trait("Case", "D13")]
    public void After_a_storm_of_kills_no_block_slot_or_descriptor_is_left()
    {
        var arena = Arena.Current;
        var (blocks, descriptors) = (0, 0);
        var rounds = Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? 200 : 20;
        for (var round = 0; round < rounds; round++)
        {
            using (var ready = new SharedEvent())
            {
                using var child = _kids.Start(MemoryTargets.MakeMany, ready);
                Assert.True(ready.Wait(Kids.Patience));
                Thread.Sleep(round % 8);
                child.Kill();
                child.Join();
            }

            // The first round makes what stays: the watch over children, the runtime's own descriptors.
            if (round > 0) continue;
            blocks = Settled(arena.CountHeld);
            descriptors = Settled(Descriptors);
        }

        Kids.Until(() => arena.CountHeld() <= blocks, $"There are {arena.CountHeld()} blocks, and were {blocks}.");
        Kids.Until(() => Descriptors() <= descriptors, $"There are {Descriptors()} descriptors, and were {descriptors}.");
        Kids.Until(
            () =>
            {
                arena.SweepAll();
                return arena.Slots.All().All(arena.Slots.IsAlive); // Children of tests beside this one have theirs.
            },
            "The slot of a killed process was not given back.");
    }

    public void Dispose() => _kids.Dispose();

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static int Settled(Func<int> count)
    {
        int last = count(), now;
        while (true)
        {
            Thread.Sleep(50);
            if ((now = count()) == last) return now;
            last = now;
        }
    }
}

/// <summary>Tests that count what the whole process has, so that no other may run beside them.</summary>
[CollectionDefinition("Alone", DisableParallelization = true)]
public sealed class AloneCollection;

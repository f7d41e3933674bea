using Xunit.Sdk;

namespace TicketRush.Samples.Tests;

/// <summary>The tests of samples can fail.</summary>
public sealed class TranscriptTests
{
    private static readonly Transcript Said = new(["made", "  seller, process 12: selling", "joined"]);

    [Fact]
    public void What_was_said_passes()
    {
        Said.Is("made\n  seller, process *: selling\njoined");
        Said.HasInOrder("made", "joined");
        Said.HasNot("refused*");
        Assert.Equal(["12"], Said.Stars("  seller, process *: selling"));
    }

    [Fact]
    public void A_line_missing_one_too_many_another_order_or_another_word_fails()
    {
        Assert.Throws<TrueException>(() => Said.Is("made\njoined"));
        Assert.Throws<TrueException>(() => Said.Is("made\n  seller, process *: selling\njoined\nended"));
        Assert.Throws<TrueException>(() => Said.Is("joined\n  seller, process *: selling\nmade"));
        Assert.Throws<TrueException>(() => Said.Is("made\n  buyer, process *: selling\njoined"));
        Assert.Throws<TrueException>(() => Said.Has("ended"));
        Assert.Throws<TrueException>(() => Said.Has("*e*"));
        Assert.Throws<TrueException>(() => Said.HasInOrder("joined", "made"));
        Assert.Throws<TrueException>(() => Said.HasNot("made"));
    }

    [Fact]
    public async Task A_sample_that_does_not_exist_fails_and_says_which_there_are()
    {
        var (exitCode, output, errors) = await Transcript.RunAsync("no-such-sample");
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.Contains("lock-orders-printing", errors, StringComparison.Ordinal);
    }
}

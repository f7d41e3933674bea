namespace TicketRush.Client;

/// <summary>How long to go on asking, and how to pause between two tries. Every try has the same id.</summary>
public sealed record RushRetry
{
    /// <summary>Until when the same is asked again while there is no answer that says what happened: 1 ms to 24 days.</summary>
    public TimeSpan For { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The first pause; each is twice the one before it, with some chance. 1 ms or more.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause: 1 ms to an hour.</summary>
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a server may owe an answer and say nothing before the same is asked again, on another connection or in another HTTP
    /// request: 10 ms to an hour. A server that works answers or refuses within 5 s, so one that says nothing for longer is out of reach.
    /// </summary>
    public TimeSpan AnswerMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <exception cref="ArgumentException">A time is out of bounds.</exception>
    internal void Check()
    {
        // What a timer takes.
        Check(nameof(For), For, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(24));
        Check(nameof(Pause), Pause, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        Check(nameof(PauseMax), PauseMax, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        Check(nameof(AnswerMax), AnswerMax, TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1));
    }

    internal static void Check(string name, TimeSpan time, TimeSpan least, TimeSpan most)
    {
        if (time < least || time > most) throw new ArgumentException($"{name} is {time}; {least} to {most} are allowed.");
    }

    internal TimeSpan PauseAfter(int tries)
    {
        var pause = Math.Min(Pause.TotalMilliseconds * Math.Pow(2, Math.Min(tries, 20)), PauseMax.TotalMilliseconds);

        // Whole crowds lose their server at once, and must not come back at once.
        return TimeSpan.FromMilliseconds(pause * (0.5 + Random.Shared.NextDouble() / 2));
    }

    /// <summary>The pause when the server has named one: never a shorter one, and for the same reason not exactly that one.</summary>
    internal TimeSpan PauseAfter(int tries, TimeSpan? asked)
    {
        var pause = PauseAfter(tries);
        return asked is { } least && least * (1 + Random.Shared.NextDouble() / 4) is var longer && longer > pause ? longer : pause;
    }
}

namespace TicketRush.Client;

/// <summary>How long to go on asking.</summary>
public sealed record RushRetry
{
    /// <summary>Until when the same is asked again, with the same id, while there is no answer that says what happened.</summary>
    public TimeSpan For { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The first pause; each is twice the one before it, with some chance.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause.</summary>
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromSeconds(5);

    internal TimeSpan PauseAfter(int tries)
    {
        var pause = Math.Min(Pause.TotalMilliseconds * Math.Pow(2, Math.Min(tries, 20)), PauseMax.TotalMilliseconds);

        // Whole crowds lose their server at once, and must not come back at once.
        return TimeSpan.FromMilliseconds(pause * (0.5 + Random.Shared.NextDouble() / 2));
    }

    /// <summary>Answers after which the same is asked again: it was not started, or nobody knows.</summary>
    internal static bool IsWorthAnotherTry(string code) => code is "BUSY" or "DISK_FULL" or "SALE_STOPPED" or "OUTCOME_UNKNOWN" or "INTERNAL" or "RATE_LIMITED"
        or "WAIT_AFTER_LAPSE";

    /// <summary>… and of these, those that say that nothing was started.</summary>
    internal static bool IsNotStarted(string code) => code is not ("OUTCOME_UNKNOWN" or "INTERNAL");
}

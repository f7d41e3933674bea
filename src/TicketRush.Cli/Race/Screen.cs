namespace TicketRush.Cli.Race;

/// <summary>What the output can show.</summary>
/// <param name="IsTerminal">Whether a line can be written over, as a bar of progress is.</param>
/// <param name="HasColours">Whether it shows colours, and who reads it wants them.</param>
internal readonly record struct Screen(bool IsTerminal, bool HasColours)
{
    /// <summary>As terminals say what they are, and as people say that they want no colours (no-color.org).</summary>
    public static Screen Of(bool isTerminal, Func<string, string?> environment)
    {
        var canMove = isTerminal && environment("TERM") != "dumb";
        return new(canMove, canMove && string.IsNullOrEmpty(environment("NO_COLOR")));
    }
}

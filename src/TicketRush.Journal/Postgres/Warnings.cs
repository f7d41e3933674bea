namespace TicketRush.Journal.Postgres;

/// <summary>What whoever runs the servers should know, though selling goes on. For every thread.</summary>
internal sealed class Warnings
{
    private readonly Lock _gate = new();
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private readonly List<string> _untold = [];
    private Action<string>? _tell;

    /// <summary>Told of each; also of those from before it was set.</summary>
    public Action<string>? Tell
    {
        set
        {
            string[] untold;
            lock (_gate)
            {
                (_tell, untold) = (value, [.. _untold]);
                if (value is not null) _untold.Clear();
            }

            if (value is not null) Array.ForEach(untold, value);
        }
    }

    public void Say(string text)
    {
        Action<string>? tell;
        lock (_gate)
        {
            tell = _tell;

            // Nobody listens in a command that ends soon.
            if (tell is null && _untold.Count < 16) _untold.Add(text);
        }

        tell?.Invoke(text);
    }

    /// <summary>Says what is the same as long as the process lives; what it says must not vary.</summary>
    public void Once(string text)
    {
        lock (_gate)
        {
            if (!_said.Add(text)) return;
        }

        Say(text);
    }
}

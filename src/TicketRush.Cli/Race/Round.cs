using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>What a process of buyers is told to do: one strategy, for the buyers that are its own.</summary>
internal sealed record Round
{
    public required Strategy Strategy { get; init; }

    /// <summary>The first of its buyers.</summary>
    public required int First { get; init; }

    public required int Count { get; init; }

    /// <summary>What the documents call the network: slept by each buyer between reading and writing.</summary>
    public required int DelayMs { get; init; }

    public required string File { get; init; }

    public required string Key { get; init; }

    /// <summary>Where a process waits, ready, until it may begin; null in a rehearsal.</summary>
    public SharedBarrier? Start { get; init; }

    public SharedLock? Lock { get; init; }

    /// <summary>Buyers who wait to be served, by number.</summary>
    public SharedJoinableQueue<int>? Wishes { get; init; }

    /// <summary>Which buyers of this process were answered: the number if it got one, its complement if not.</summary>
    public SharedQueue<int>? Answers { get; init; }

    /// <summary>The data directory of the journal.</summary>
    public string? Data { get; init; }

    public string? Url { get; init; }

    public string? OfficeKey { get; init; }

    /// <summary>Which of the server's sales: that of the race, or one of the rehearsal.</summary>
    public string Sale { get; init; } = Buying.Sale;
}

/// <summary>What the one seller of the queue is told.</summary>
internal sealed record Shop
{
    public required string File { get; init; }

    public required string Key { get; init; }

    public required int DelayMs { get; init; }

    public required SharedJoinableQueue<int> Wishes { get; init; }

    /// <summary>One for each process of buyers.</summary>
    public required SharedQueue<int>[] Answers { get; init; }

    public required Share Share { get; init; }

    /// <summary>Where the seller waits, ready, until everybody may begin; null in a rehearsal.</summary>
    public SharedBarrier? Start { get; init; }
}

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Round))]
[JsonSerializable(typeof(Shop))]
[JsonSerializable(typeof(SharedArray<BuyerRecord>))]
[JsonSerializable(typeof(Connection))]
internal sealed partial class RaceJson : JsonSerializerContext;

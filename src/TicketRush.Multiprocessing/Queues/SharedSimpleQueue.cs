using System.Text.Json;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>A queue whose number of items has no limit: put, get, empty and close are all that most programs need.</summary>
/// <typeparam name="T">The items.</typeparam>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed class SharedSimpleQueue<T> : SharedQueue<T>
{
    static SharedSimpleQueue() =>
        SharedObjectConverter.Register(static (reference, options) => new SharedSimpleQueue<T>(reference, options));

    /// <summary>Makes an empty queue.</summary>
    /// <param name="codec">How items become bytes. Needed unless they are byte arrays, strings, or values without references.</param>
    /// <exception cref="ArgumentException">There is no codec, and none that goes without saying.</exception>
    public SharedSimpleQueue(ItemCodec<T>? codec = null)
        : base(0, codec)
    {
    }

    private SharedSimpleQueue(SharedReference reference, JsonSerializerOptions options)
        : base(BlockKind.Queue, reference, QueueState.Size, options)
    {
    }
}

using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing.Tests;

/// <summary>
/// The types of arguments that the tests of shared objects give to children: a context of its own, for the generator takes no parts.
/// </summary>
[JsonSerializable(typeof(SharedLock))]
[JsonSerializable(typeof(SharedRLock))]
[JsonSerializable(typeof(SharedSemaphore))]
[JsonSerializable(typeof(SharedBoundedSemaphore))]
[JsonSerializable(typeof(SharedEvent))]
[JsonSerializable(typeof(SharedCondition))]
[JsonSerializable(typeof(SharedBarrier))]
[JsonSerializable(typeof(SharedValue<int>))]
[JsonSerializable(typeof(SharedValue<long>))]
[JsonSerializable(typeof(SharedArray<long>))]
[JsonSerializable(typeof(SharedMemory))]
[JsonSerializable(typeof(SharedQueue<int>))]
[JsonSerializable(typeof(SharedQueue<byte[]>))]
[JsonSerializable(typeof(SharedQueue<Queues.Ticket>))]
[JsonSerializable(typeof(SharedSimpleQueue<string>))]
[JsonSerializable(typeof(SharedJoinableQueue<int>))]
[JsonSerializable(typeof(Queues.Ticket))]
internal sealed partial class SyncJson : JsonSerializerContext;

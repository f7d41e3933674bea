using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// How arguments are written: what is shared in this library's own way, whatever else says; everything else as the contexts
/// say that the program gave to <see cref="ProcessEntry"/>; and what those do not know as <see cref="CommonJson"/> does.
/// </summary>
internal static class Argument
{
    // What most arguments are goes as it is: the first use of the serialiser costs a child 15 ms, a third of its start.
    private const byte Null = 0, Json = 1, Text = 2, Int = 3, Long = 4, Bool = 5, Double = 6, Open = 7, Shared = 8;

    private static JsonSerializerContext[] _contexts = [];

    private static JsonSerializerOptions Options => field ??= Combine();

    /// <summary>Once, before anything is written or read.</summary>
    public static void Use(JsonSerializerContext[] contexts) => _contexts = contexts;

    /// <param name="writer">Where it goes.</param>
    /// <param name="type">The parameter's type.</param>
    /// <param name="value">One that fits it.</param>
    /// <param name="what">What messages call it: "The argument order of Buy".</param>
    /// <exception cref="NotSupportedException">No context knows the type.</exception>
    public static void Write(BinaryWriter writer, Type type, object? value, string what)
    {
        switch (value)
        {
            case null:
                writer.Write(Null);
                break;
            case string text when type == typeof(string):
                writer.Write(Text);
                writer.Write(text);
                break;
            case int number when type == typeof(int):
                writer.Write(Int);
                writer.Write(number);
                break;
            case long number when type == typeof(long):
                writer.Write(Long);
                writer.Write(number);
                break;
            case bool flag when type == typeof(bool):
                writer.Write(Bool);
                writer.Write(flag);
                break;
            case double number when type == typeof(double):
                writer.Write(Double);
                writer.Write(number);
                break;
            case SafeFileHandle descriptor when type == typeof(SafeFileHandle):
                writer.Write(Open);
                writer.Write(Handover.Add(descriptor, "an open file"));
                break;
            case SharedObject shared when SharedObjectConverter.Knows(type):
                Handover.Keep(shared, Options);
                writer.Write(Shared);
                writer.Write(shared.Reference.At);
                writer.Write(shared.Reference.Generation);
                break;
            default:
                var json = JsonSerializer.SerializeToUtf8Bytes(value, TypeOf(type, what));
                writer.Write(Json);
                writer.Write7BitEncodedInt(json.Length);
                writer.Write(json);
                break;
        }
    }

    /// <summary>What <see cref="Write"/> wrote for the same parameter.</summary>
    /// <exception cref="InvalidOperationException">It is, or refers to, a shared object that is gone.</exception>
    public static object? Read(BinaryReader reader, Type type, string what)
    {
        try
        {
            return reader.ReadByte() switch
            {
                Null => null,
                Text => reader.ReadString(),
                Int => reader.ReadInt32(),
                Long => reader.ReadInt64(),
                Bool => reader.ReadBoolean(),
                Double => reader.ReadDouble(),
                Open => Handover.Take(reader.ReadInt32()),
                Shared => SharedObjectConverter.Attach(type, new(reader.ReadInt64(), reader.ReadUInt32()), Options),
                _ => JsonSerializer.Deserialize(reader.ReadBytes(reader.Read7BitEncodedInt()), TypeOf(type, what)),
            };
        }
        catch (Exception gone) when (gone is ObjectDisposedException or IOException)
        {
            throw new InvalidOperationException($"{what} cannot be had: {gone.Message}", gone);
        }
    }

    /// <summary>How a type is written as JSON.</summary>
    /// <exception cref="NotSupportedException">No context knows the type.</exception>
    public static JsonTypeInfo TypeOf(Type type, string what)
    {
        if (Options.TryGetTypeInfo(type, out var info)) return info;
        throw new NotSupportedException(
            $"{what} is a {type.Name}, which no context given to ProcessEntry.Run knows how to write. Add "
            + $"[JsonSerializable(typeof({type.Name}))] to a JsonSerializerContext, and give its Default to ProcessEntry.Run.");
    }

    private static JsonSerializerOptions Combine() => new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,

        // A generated context asks here first, so no context can write a shared object's properties instead of where it lies.
        Converters = { new SharedObjectConverter(), new ManagedObjectConverter() },
        TypeInfoResolver = JsonTypeInfoResolver.Combine(
            [new DescriptorTypes(), new ManagedObjectConverter.Types(), SharedJson.Default, .. _contexts, CommonJson.Default]),
    };

    /// <summary>Before the contexts, of which one that mentions a record with a socket in it would write the socket's properties.</summary>
    private sealed class DescriptorTypes : IJsonTypeInfoResolver
    {
        public JsonTypeInfo? GetTypeInfo(Type type, JsonSerializerOptions options) =>
            type == typeof(Socket) ? JsonMetadataServices.CreateValueInfo<Socket>(options, new SocketConverter())
            : type == typeof(SafeFileHandle) ? JsonMetadataServices.CreateValueInfo<SafeFileHandle>(options, new FileConverter())
            : null;
    }

    private sealed class SocketConverter : JsonConverter<Socket>
    {
        public override Socket Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        {
            using var text = JsonDocument.ParseValue(ref reader);
            if (text.RootElement is not { ValueKind: JsonValueKind.Array } written || written.GetArrayLength() != 2
                || written[0].ValueKind != JsonValueKind.Number || !written[0].TryGetInt32(out var number))
            {
                throw new JsonException("This is no socket that was handed over.");
            }

            var blocks = written[1].ValueKind == JsonValueKind.True;
            var descriptor = Handover.Take(number);
            var handle = new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true);
            descriptor.SetHandleAsInvalid();

            var socket = new Socket(handle);
            if (Native.Descriptors.Blocks((int)handle.DangerousGetHandle())) return socket;

            // The system does not block on a socket that was ever used asynchronously, in any process. The class then waits in its stead,
            // but only where it believes to have been the one who made it so: else it refuses to wait.
            socket.Blocking = false;
            socket.Blocking = blocks;
            return socket;
        }

        public override void Write(Utf8JsonWriter writer, Socket value, JsonSerializerOptions options)
        {
            writer.WriteStartArray();
            writer.WriteNumberValue(Handover.Add(value.SafeHandle, "a socket"));
            writer.WriteBooleanValue(value.Blocking);
            writer.WriteEndArray();
        }
    }

    private sealed class FileConverter : JsonConverter<SafeFileHandle>
    {
        public override SafeFileHandle Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            Handover.Take(reader.GetInt32());

        public override void Write(Utf8JsonWriter writer, SafeFileHandle value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(Handover.Add(value, "an open file"));
    }
}

/// <summary>What processes share. It needs no context of the program's own.</summary>
[JsonSerializable(typeof(SharedLock)), JsonSerializable(typeof(SharedRLock)), JsonSerializable(typeof(SharedSemaphore))]
[JsonSerializable(typeof(SharedBoundedSemaphore)), JsonSerializable(typeof(SharedEvent)), JsonSerializable(typeof(SharedCondition))]
[JsonSerializable(typeof(SharedBarrier)), JsonSerializable(typeof(Connection)), JsonSerializable(typeof(Pools.WorkerStart))]
internal sealed partial class SharedJson : JsonSerializerContext;

/// <summary>What can be an argument without a context of the program's own.</summary>
[JsonSerializable(typeof(bool)), JsonSerializable(typeof(byte)), JsonSerializable(typeof(sbyte)), JsonSerializable(typeof(short))]
[JsonSerializable(typeof(ushort)), JsonSerializable(typeof(int)), JsonSerializable(typeof(uint)), JsonSerializable(typeof(long))]
[JsonSerializable(typeof(ulong)), JsonSerializable(typeof(float)), JsonSerializable(typeof(double)), JsonSerializable(typeof(decimal))]
[JsonSerializable(typeof(char)), JsonSerializable(typeof(string)), JsonSerializable(typeof(Guid)), JsonSerializable(typeof(Uri))]
[JsonSerializable(typeof(TimeSpan)), JsonSerializable(typeof(DateTime)), JsonSerializable(typeof(DateTimeOffset))]
[JsonSerializable(typeof(DateOnly)), JsonSerializable(typeof(TimeOnly)), JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(int?)), JsonSerializable(typeof(long?)), JsonSerializable(typeof(double?)), JsonSerializable(typeof(bool?))]
[JsonSerializable(typeof(TimeSpan?)), JsonSerializable(typeof(byte[])), JsonSerializable(typeof(int[])), JsonSerializable(typeof(long[]))]
[JsonSerializable(typeof(double[])), JsonSerializable(typeof(string[]))]
internal sealed partial class CommonJson : JsonSerializerContext;

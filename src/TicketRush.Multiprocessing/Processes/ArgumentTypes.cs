using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// How the types of arguments are written: what is shared in this library's own way, whatever else says; everything else as the contexts
/// say that the program gave to <see cref="ProcessEntry"/>; and what those do not know as <see cref="CommonJson"/> does.
/// </summary>
internal static class ArgumentTypes
{
    private static JsonSerializerOptions _options = Combine([]);

    public static void Use(IEnumerable<JsonSerializerContext> contexts) => _options = Combine(contexts);

    /// <exception cref="NotSupportedException">No context knows the type.</exception>
    public static JsonTypeInfo Of(Type type, string what)
    {
        if (_options.TryGetTypeInfo(type, out var info)) return info;
        throw new NotSupportedException(
            $"{what} is a {type.Name}, which no context given to ProcessEntry.Run knows how to write. Add "
            + $"[JsonSerializable(typeof({type.Name}))] to a JsonSerializerContext, and give its Default to ProcessEntry.Run.");
    }

    private static JsonSerializerOptions Combine(IEnumerable<JsonSerializerContext> contexts) => new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,

        // A generated context asks here first, so no context can write a shared object's properties instead of where it lies.
        Converters = { new SharedObjectConverter() },
        TypeInfoResolver = JsonTypeInfoResolver.Combine([new DescriptorTypes(), SharedJson.Default, .. contexts, CommonJson.Default]),
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
            var descriptor = Handover.Take(reader.GetInt32());
            var handle = new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true);
            descriptor.SetHandleAsInvalid();
            return new Socket(handle);
        }

        public override void Write(Utf8JsonWriter writer, Socket value, JsonSerializerOptions options) =>
            writer.WriteNumberValue(Handover.Add(value.SafeHandle, "a socket"));
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
[JsonSerializable(typeof(SharedBarrier)), JsonSerializable(typeof(Connection))]
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

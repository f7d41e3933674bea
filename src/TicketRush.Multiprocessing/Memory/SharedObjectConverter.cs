using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Writes where a shared object lies, and attaches to it where that is read: so every source-generated context that mentions a
/// shared type can pass it to another process of the same tree. Outside that tree what it writes means nothing.
/// </summary>
public sealed class SharedObjectConverter : JsonConverterFactory
{
    private static readonly ConcurrentDictionary<Type, JsonConverter> Converters = new();

    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) => Knows(typeToConvert);

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) => ConverterOf(typeToConvert);

    /// <summary>Whether objects of that type can be passed to another process.</summary>
    internal static bool Knows(Type type) => type.IsAssignableTo(typeof(SharedObject)) && !type.IsAbstract;

    /// <summary>A handle of that type on what another process refers to.</summary>
    /// <exception cref="ObjectDisposedException">No process held it any more, so it is gone.</exception>
    internal static SharedObject Attach(Type type, SharedReference reference, JsonSerializerOptions options) =>
        ((IAttach)ConverterOf(type)).Attach(reference, options);

    /// <summary>By each shared type, once, before anything of it is converted.</summary>
    internal static void Register<T>(Func<SharedReference, JsonSerializerOptions, T> attach)
        where T : SharedObject =>
        Converters[typeof(T)] = new Converter<T>(attach);

    [UnconditionalSuppressMessage(
        "Trimming", "IL2059",
        Justification = "A shared type registers itself when it is initialised; one that is trimmed is never converted.")]
    private static JsonConverter ConverterOf(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        return Converters.TryGetValue(type, out var converter)
            ? converter
            : throw new NotSupportedException($"{type} cannot be passed to another process.");
    }

    private interface IAttach
    {
        SharedObject Attach(SharedReference reference, JsonSerializerOptions options);
    }

    private sealed class Converter<T>(Func<SharedReference, JsonSerializerOptions, T> attach) : JsonConverter<T>, IAttach
        where T : SharedObject
    {
        public SharedObject Attach(SharedReference reference, JsonSerializerOptions options) => attach(reference, options);

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            long at = -1;
            uint generation = 0;
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("A shared object is written as an object.");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isAt = reader.ValueTextEquals("at"u8);
                var isGeneration = reader.ValueTextEquals("generation"u8);
                reader.Read();
                if (isAt) at = reader.GetInt64();
                else if (isGeneration) generation = reader.GetUInt32();
                else reader.Skip();
            }

            return attach(new(at, generation), options);
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            var reference = value.Reference;
            Handover.Keep(value, options);
            writer.WriteStartObject();
            writer.WriteNumber("at"u8, reference.At);
            writer.WriteNumber("generation"u8, reference.Generation);
            writer.WriteEndObject();
        }
    }
}

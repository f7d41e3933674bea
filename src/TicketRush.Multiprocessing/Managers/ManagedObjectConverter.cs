using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using TicketRush.Multiprocessing.Managers;

namespace TicketRush.Multiprocessing;

/// <summary>Writes where a managed object is, and reads one that stands for it.</summary>
public sealed class ManagedObjectConverter : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsAssignableTo(typeof(ManagedObject)) && !typeToConvert.IsAbstract;

    /// <inheritdoc/>
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "The converter is of a reference type, whose code all of them share.")]
    [UnconditionalSuppressMessage("Trimming", "IL2055",
        Justification = "The converter asks for the constructor, which the attribute on its type keeps.")]
    [UnconditionalSuppressMessage("Trimming", "IL2071", Justification = "As above.")]
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert))!;

    /// <summary>So that no context has to mention which managed objects are arguments, or values of others.</summary>
    internal sealed class Types : IJsonTypeInfoResolver
    {
        private static readonly ManagedObjectConverter Converters = new();

        public JsonTypeInfo? GetTypeInfo(Type type, JsonSerializerOptions options) =>
            Converters.CanConvert(type) ? ((IConverter)Converters.CreateConverter(type, options)).Describe(options) : null;
    }

    private interface IConverter
    {
        JsonTypeInfo Describe(JsonSerializerOptions options);
    }

    private sealed class Converter<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.NonPublicConstructors)] T>
        : JsonConverter<T>, IConverter
        where T : ManagedObject
    {
        private static readonly ConstructorInfo Make =
            typeof(T).GetConstructor(BindingFlags.Instance | BindingFlags.NonPublic, [typeof(ManagedReference)])!;

        public JsonTypeInfo Describe(JsonSerializerOptions options) => JsonMetadataServices.CreateValueInfo<T>(options, this);

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string? address = null;
            long number = 0;
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("A managed object is written as an object.");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isAddress = reader.ValueTextEquals("manager"u8);
                var isNumber = reader.ValueTextEquals("number"u8);
                reader.Read();
                if (isAddress) address = reader.GetString();
                else if (isNumber) number = reader.GetInt64();
                else reader.Skip();
            }

            if (address is null) throw new JsonException("This is no managed object.");
            return (T)Make.Invoke(BindingFlags.DoNotWrapExceptions, null, [new ManagedReference(address, number)], null);
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            var reference = value.Reference;
            writer.WriteStartObject();
            writer.WriteString("manager"u8, reference.Address);
            writer.WriteNumber("number"u8, reference.Number);
            writer.WriteEndObject();
        }
    }
}

using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>
/// A connection inside a child's arguments or another connection's message. The reader gets the same end with a descriptor of its own; the
/// writer still has his, and usually closes it. Public only because the contexts that programs generate must be able to make one.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class ConnectionConverter : JsonConverter<Connection>
{
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Connection value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteNumber("descriptor", Handover.Add(value.Handle, "a connection"));
        writer.WriteBoolean("readable", value.Readable);
        writer.WriteBoolean("writable", value.Writable);
        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override Connection Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        using var text = JsonDocument.ParseValue(ref reader);
        try
        {
            var connection = text.RootElement;
            var descriptor = Handover.Take(connection.GetProperty("descriptor").GetInt32());
            return new(descriptor, connection.GetProperty("readable").GetBoolean(), connection.GetProperty("writable").GetBoolean());
        }
        catch (Exception error) when (error is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new JsonException("This is no connection that was handed over.", error);
        }
    }
}

using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TicketRush.Server.Api;

/// <summary>Reads a request's JSON, strictly and with a bound, or says what is wrong with it.</summary>
internal static class Body
{
    /// <summary>Bytes of a command at the most.</summary>
    public const int CommandBytesMax = 16 * 1024;

    /// <summary>Bytes of a plan at the most: a stadium in blocks of rows, or the prices of every pair of 64 stops in 10 classes,
    /// fit.</summary>
    public const int PlanBytesMax = 256 * 1024;

    public static async ValueTask<(T? Value, IResult? Problem)> ReadAsync<T>(
        HttpRequest request, JsonTypeInfo<T> type, int bytesMax = CommandBytesMax)
        where T : class
    {
        if (!request.HasJsonContentType())
            return (null, Problems.BadRequest(
                "UNSUPPORTED_MEDIA_TYPE", "The body must be JSON, and Content-Type application/json say so.", 415));

        var reader = request.BodyReader;
        while (true)
        {
            ReadResult read;
            try
            {
                read = await reader.ReadAsync();
            }
            catch (IOException e) when (e is not BadHttpRequestException)
            {
                // The size of a chunk that no number holds, or a connection that is gone: the client's fault, not ours.
                return (null, Problems.BadRequest("INVALID_REQUEST", "The body cannot be read: its framing is broken."));
            }

            if (read.Buffer.Length > bytesMax)
            {
                reader.AdvanceTo(read.Buffer.End);
                return (null, Problems.BadRequest("BODY_TOO_LARGE", $"The body may have {bytesMax} bytes.", 413));
            }

            if (read.IsCompleted)
            {
                var parsed = Parse(read.Buffer, type);
                reader.AdvanceTo(read.Buffer.End);
                return parsed;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static (T? Value, IResult? Problem) Parse<T>(in ReadOnlySequence<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = type.Options.MaxDepth });
            var value = JsonSerializer.Deserialize(ref reader, type);
            if (value is null) return (null, Problems.BadRequest("INVALID_JSON", "The body must be a JSON object."));

            while (reader.Read())
            {
            }

            return reader.BytesConsumed == body.Length
                ? (value, null)
                : (null, Problems.BadRequest("INVALID_JSON", "Something follows the JSON object."));
        }
        catch (JsonException e)
        {
            return (null, Problems.BadRequest("INVALID_JSON", Explain(e)));
        }
    }

    // The library's messages name types of ours; what a client needs is the place, and what is wrong there.
    public static string Explain(JsonException e)
    {
        var at = string.IsNullOrEmpty(e.Path) || e.Path == "$" ? "The body" : e.Path;
        var message = e.Message;
        if (message.Contains("could not be mapped", StringComparison.Ordinal)) return $"{at} is no member that is known here.";
        if (message.Contains("uplicate", StringComparison.Ordinal)) return $"{at} has a member twice.";
        if (message.Contains("maximum configured depth", StringComparison.Ordinal)) return "The body is nested too deeply.";
        if (message.Contains("required properties", StringComparison.Ordinal))
        {
            var names = message[(message.IndexOf("including:", StringComparison.Ordinal) + 10)..];
            var end = names.IndexOf(". Path", StringComparison.Ordinal);
            return $"{at} lacks {(end < 0 ? names : names[..end]).Trim(' ', '.').Replace('\'', '"')}.";
        }

        if (message.Contains("doesn't allow", StringComparison.Ordinal)) return $"{at} must not be null.";
        if (message.Contains("could not be converted", StringComparison.Ordinal))
            return $"{at} has the wrong type, or a number that is out of range.";
        return $"The body is no JSON, at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.";
    }
}

using System.Reflection;
using System.Text;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>
/// Creating and changing a sale with the plan as text, as the API has it: rows of seats, stops and prices of journeys are tables that
/// fields cannot show. Everything that is wrong is said at once, with the line on which it stands.
/// </summary>
internal static class PlanTextPages
{
    /// <summary>Plans to start from; they are part of the program.</summary>
    public static readonly string[] Samples = ["hall-2000", "stadium-60000", "train-16-coaches"];

    private static readonly JsonSerializerOptions Indented = new(ApiJson.Api.Options) { WriteIndented = true };

    public static void Map(RouteGroupBuilder office)
    {
        office.MapGet("/new/text", AskNewAsync).Needs(Permission.ChangeSales);
        office.MapPost("/new/text", CreateAsync).Needs(Permission.ChangeSales);
        office.MapGet("/sales/{sale}/text", AskChangeAsync).Needs(Permission.ChangeSales);
        office.MapPost("/sales/{sale}/text", ChangeAsync).Needs(Permission.ChangeSales).NeedsKeyAgain();
    }

    private static Task AskNewAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return Task.CompletedTask;
        var sample = http.Request.Query["sample"].ToString();
        var text = Array.IndexOf(Samples, sample) >= 0 ? Sample(sample) : Sample(Samples[0]);
        return SendAsync(http, on, new(null, sample, 0, text, [], null));
    }

    private static async Task AskChangeAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale) await ErrorPages.SendAsync(http, 404);
        else await SendAsync(http, on, new(sale, sale.Name, sale.Snapshot.Revision, Write(sale.Plan), [], null));
    }

    private static async Task CreateAsync(HttpContext http, OfficeDesk on)
    {
        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var view = new PlanTextView(null, form["sale"].ToString().Trim(), 0, form["plan"].ToString(), [], null);
        var (plan, errors) = Read(view.Text, on.AllowTestPayments);
        if (!PlanCheck.IsId(view.Name)) errors.Insert(0, new("sale", 0, texts.SaleNameHint));
        else if (on.Sales.Find(view.Name) is not null) errors.Insert(0, new("sale", 0, texts.SaleExists));
        if (plan is null || errors.Count > 0)
        {
            await SendAsync(http, on, view with { Errors = [.. errors] }, 422);
            return;
        }

        string? problem = null;
        try
        {
            if (!on.Sales.TryCreate(view.Name, plan, Caller.Of(http).Key!.Name)) problem = texts.SaleExists;
        }
        catch (InvalidOperationException)
        {
            problem = texts.TooManySales;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalRefusedException)
        {
            problem = texts.OfficeBusy;
        }

        if (problem is not null) await SendAsync(http, on, view with { Problem = problem }, 409);
        else await PageAnswer.SeeOther(http, $"/office/sales/{view.Name}?done=save");
    }

    private static async Task ChangeAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        _ = long.TryParse(form["revision"].ToString(), System.Globalization.NumberStyles.None, null, out var revision);
        var view = new PlanTextView(sale, sale.Name, revision, form["plan"].ToString(), [], null);
        var (plan, errors) = Read(view.Text, on.AllowTestPayments);
        if (plan is null)
        {
            await SendAsync(http, on, view with { Errors = [.. errors] }, 422);
            return;
        }

        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.Plan, Plan = plan, Revision = revision });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}?done=save");
        else await SendAsync(http, on, view with { Problem = PlanPages.Say(texts, outcome, submission.Reply) }, 409);
    }

    private static Task SendAsync(HttpContext http, OfficeDesk on, PlanTextView view, int status = 200) =>
        PageAnswer.SendAsync<PlanTextPage, PlanTextView>(
            http, on.Visit(http, view.Sale is null
                ? $"/office/new/text?sample={(Array.IndexOf(Samples, view.Name) >= 0 ? view.Name : Samples[0])}"
                : $"/office/sales/{view.Name}/text"),
            view, status);

    private static string Write(Plan plan) => JsonSerializer.Serialize(PlanMapping.Write(plan), Indented.GetTypeInfo(typeof(PlanDocument)));

    private static string Sample(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"TicketRush.Server.Samples.{name}.json")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The plan that was typed; null with everything that is wrong.</summary>
    internal static (Plan? Plan, List<PlanTextError> Errors) Read(string text, bool allowTestPayments)
    {
        var errors = new List<PlanTextError>();
        PlanDocument? document = null;
        try
        {
            if (Encoding.UTF8.GetByteCount(text) > Body.PlanBytesMax) errors.Add(new("", 0, $"{Body.PlanBytesMax} bytes at the most"));
            else document = JsonSerializer.Deserialize(text, ApiJson.Api.PlanDocument);
        }
        catch (JsonException e)
        {
            errors.Add(new("", (int)(e.LineNumber ?? 0) + 1, Body.Explain(e)));
        }

        if (document is null)
        {
            if (errors.Count == 0) errors.Add(new("", 1, "must be a JSON object"));
            return (null, errors);
        }

        var lines = JsonLines.Of(text);
        if (PlanMapping.HasNull(document) is { } nothing) return (null, [new(nothing, lines.Find(nothing), "must not be null")]);
        var (plan, wrong) = PlanMapping.Read(document, allowTestPayments);
        return (plan, [.. wrong.Select(error => new PlanTextError(error.Path, lines.Find(error.Path), error.Message))]);
    }
}

/// <param name="Sale">Null for a new one.</param>
public sealed record PlanTextView(SaleView? Sale, string Name, long Revision, string Text, PlanTextError[] Errors, string? Problem);

/// <param name="Line">From 1; 0 where it stands on none.</param>
public sealed record PlanTextError(string Path, int Line, string Message);

/// <summary>On which line of a JSON text each of its members stands.</summary>
internal sealed class JsonLines
{
    private readonly Dictionary<string, int> _lines = new(StringComparer.Ordinal);

    /// <param name="text">Has been read as JSON already.</param>
    public static JsonLines Of(string text)
    {
        var (lines, bytes) = (new JsonLines(), Encoding.UTF8.GetBytes(text));
        var reader = new Utf8JsonReader(bytes);
        var open = new Stack<(string Path, bool IsArray, int Index)>();
        var (line, at, path) = (1, 0L, "");
        while (reader.Read())
        {
            for (; at < reader.TokenStartIndex; at++) line += bytes[at] == '\n' ? 1 : 0;
            if (reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                open.Pop();
                continue;
            }

            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                var parent = open.Peek().Path;
                path = parent.Length == 0 ? reader.GetString()! : $"{parent}.{reader.GetString()}";
                lines._lines.TryAdd(path, line);
                continue;
            }

            if (open.TryPeek(out var inside) && inside.IsArray)
            {
                path = $"{inside.Path}[{inside.Index}]";
                lines._lines.TryAdd(path, line);
                open.Push(open.Pop() with { Index = inside.Index + 1 });
            }

            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject) open.Push((path,
                reader.TokenType == JsonTokenType.StartArray, 0));
        }

        return lines;
    }

    /// <returns>The line of the member, or of the nearest that it would be in.</returns>
    public int Find(string path)
    {
        for (; path.Length > 0; path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))])
        {
            if (_lines.TryGetValue(path, out var line)) return line;
        }

        return 1;
    }
}

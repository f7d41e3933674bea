using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>What the office's pages work with.</summary>
internal sealed class OfficeDesk(Sales sales, Desk desk, Antiforgery antiforgery, FigureHistory figures, Codes codes, ServerOptions options)
{
    public Sales Sales => sales;
    public FigureHistory Figures => figures;
    public Codes Codes => codes;
    public bool AllowTestPayments => options.AllowTestPayments;

    public SaleView? Sale(HttpContext http) => SaleView.Of(sales.Find((string)http.GetRouteValue("sale")!));

    public OpenSale Open(SaleView sale) => sales.Find(sale.Name)!;

    public Visit Visit(HttpContext http, string? here = null)
    {
        var caller = Caller.Of(http);
        var key = caller.Key;
        return new(Languages.Of(http)) { Here = here, Token = key is null ? null : antiforgery.TokenFor(caller), Staff = key?.Name,
            Role = key?.Role ?? Role.None };
    }

    /// <summary>Asks a sale, signed with the key that is signed in.</summary>
    public async Task<(Outcome Outcome, Submission Submission)> AskAsync(HttpContext http, SaleView sale, Command command)
    {
        var submission = new Submission { Command = command };
        var answer = await desk.AskAsync(Caller.Of(http), Open(sale), submission);
        return (answer.Outcome, submission);
    }

    /// <summary>A key that names a form: sent twice, it is one request.</summary>
    public RequestKey KeyOf(HttpContext http, string form) =>
        Caller.Of(http).RequestKey(sales.Identities, "form " + (form.Length is > 0 and <= 64 ? form
            : throw new BadHttpRequestException("The form has no key.")));

    /// <summary>What is said of a request that is neither done nor refused.</summary>
    public static string Say(Texts texts, Outcome outcome) => outcome == Outcome.Unknown ? texts.OfficeUnknown : texts.OfficeBusy;
}

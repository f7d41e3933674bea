namespace TicketRush.Server.Pages;

/// <summary>Reads what a form sent. Whatever is no form has no fields; one that is out of bounds is its sender's fault, not ours.</summary>
internal static class PageForm
{
    public static async Task<IFormCollection> ReadAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType) return FormCollection.Empty;
        try
        {
            return await http.Request.ReadFormAsync();
        }
        catch (InvalidDataException e)
        {
            throw new BadHttpRequestException("The form has too many or too long fields.", e);
        }
    }
}

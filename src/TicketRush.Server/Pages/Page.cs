using Microsoft.AspNetCore.Components;

namespace TicketRush.Server.Pages;

/// <summary>What every page is given beside its own model: who looks at it, in which language, and where it stands.</summary>
public sealed record Visit(Texts Texts)
{
    /// <summary>Path and query of the page itself, for the link that changes the language; null for an answer that has no address.</summary>
    public string? Here { get; init; }

    /// <summary>The token that every form of the page carries; null on pages that everybody is shown alike.</summary>
    public string? Token { get; init; }

    /// <summary>The name of the key that signed in to the office; null outside it.</summary>
    public string? Staff { get; init; }

    /// <summary>What the signed-in key may do.</summary>
    public Access.Role Role { get; init; }

    public bool May(Access.Permission permission) => Access.Permissions.May(Role, permission);

    public string? OtherLanguage => Here is null ? null : $"{Here}{(Here.Contains('?') ? '&' : '?')}lang={Texts.Other.Tag}";
}

/// <summary>A page: a component that is rendered once, to bytes, and encodes what it is given.</summary>
public abstract class Page<TModel> : ComponentBase
{
    [Parameter, EditorRequired]
    public required Visit Visit { get; set; }

    [Parameter, EditorRequired]
    public required TModel Model { get; set; }

    protected Texts T => Visit.Texts;
}

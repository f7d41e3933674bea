namespace TicketRush.Server.Access;

/// <summary>What a key is for. The names stand in the file of keys and in the keys themselves.</summary>
public enum Role : byte
{
    None = 0,

    /// <summary>Everything.</summary>
    Office = 1,

    /// <summary>The people at the desk: sell, find, refund, look at the figures.</summary>
    Staff = 2,

    /// <summary>Another program: sells to buyers whom it names, confirms payments that it took, sees what it sold itself.</summary>
    Shop = 3,

    /// <summary>Looks at lists and figures and changes nothing.</summary>
    Read = 4,
}

/// <summary>What an endpoint may be asked to do. Whatever needs none of these is open to everybody.</summary>
public enum Permission : byte
{
    None = 0,

    /// <summary>Keep places, extend, give back; buy in one step.</summary>
    Hold = 1,

    /// <summary>Say whom the places are for. A buyer in a browser is always itself.</summary>
    NameBuyers = 2,

    /// <summary>Confirm a payment that was taken elsewhere (<c>paymentKind</c> external).</summary>
    ConfirmPayments = 3,

    /// <summary>See a hold or an order by its id.</summary>
    SeeOrders = 4,
    ListOrders = 5,
    Refund = 6,

    /// <summary>What is owed back, exports, the dashboard.</summary>
    SeeFigures = 7,

    /// <summary>Create, change, open, pause and close sales; block places.</summary>
    ChangeSales = 8,
    ManageKeys = 9,
}

/// <summary>Who may do what: the one table. docs/PROTOCOL.md prints it and a test walks every route by it.</summary>
public static class Permissions
{
    private static readonly Permission[] OfBuyers = [Permission.Hold, Permission.SeeOrders];

    private static readonly Dictionary<Role, Permission[]> OfRoles = new()
    {
        [Role.Office] =
        [
            Permission.Hold, Permission.NameBuyers, Permission.ConfirmPayments, Permission.SeeOrders, Permission.ListOrders,
            Permission.Refund,
            Permission.SeeFigures, Permission.ChangeSales, Permission.ManageKeys,
        ],
        [Role.Staff] =
        [
            Permission.Hold, Permission.NameBuyers, Permission.ConfirmPayments, Permission.SeeOrders, Permission.ListOrders,
            Permission.Refund,
            Permission.SeeFigures,
        ],
        [Role.Shop] = [Permission.Hold, Permission.NameBuyers, Permission.ConfirmPayments, Permission.SeeOrders, Permission.ListOrders],
        [Role.Read] = [Permission.ListOrders, Permission.SeeFigures],
    };

    public static bool May(this Role role, Permission permission) =>
        permission == Permission.None || (OfRoles.TryGetValue(role, out var may) && Array.IndexOf(may, permission) >= 0);

    public static bool BuyersMay(Permission permission) => permission == Permission.None || Array.IndexOf(OfBuyers, permission) >= 0;

    /// <summary>Whether the role has only what was held or bought with a key of the same name.</summary>
    public static bool SeesOnlyItsOwn(this Role role) => role == Role.Shop;

    /// <summary>The role's name as people write it.</summary>
    public static string Name(this Role role) => role.ToString().ToLowerInvariant();

    public static bool TryParse(string text, out Role role)
    {
        role = text switch { "office" => Role.Office, "staff" => Role.Staff, "shop" => Role.Shop, "read" => Role.Read, _ => Role.None };
        return role != Role.None;
    }
}

using System.Globalization;
using System.Text.RegularExpressions;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>
/// What is wrong with a plan, for people: where it stands, by the form's own labels, and what is allowed there, in their language. The
/// engine says it in English, as the API does; each of its sentences stands here once more, and a test finds one that does not.
/// </summary>
internal static class PlanWords
{
    // A number in braces is whatever the engine puts there. What is more special stands first.
    private static readonly (string English, string Chinese)[] Sentences =
    [
        ("must be three capital letters, such as CNY or EUR", "必须是三个大写字母，例如 CNY 或 EUR"),
        ("must be none, external or test", "必须是 none、external 或 test"),
        ("must be later than opensAt", "必须晚于开售时间"),
        ("\"{0}\" is used twice; every {1} needs an id of its own", "代号“{0}”重复，每项须有自己的代号"),
        ("is {0}; must be 0 to the capacity, {1}", "现为 {0}，必须在 0 到容量 {1} 之间"),
        ("is {0}; must not be below perOrder, {1}", "现为 {0}，不得小于每单张数上限 {1}"),
        ("is {0}; must be that of blocks", "现为 {0}，必须与 blocks 一致"),
        ("is {0}; must be {1} to {2} minor units", "现为 {0}，必须在 {1} 到 {2} 之间（最小货币单位）"),
        ("is {0}; must be {1} to {2} {3}", "现为 {0}，必须在 {1} 到 {2} 之间"),
        ("\"{0}\" is not one of the pools", "没有名为“{0}”的库存池"),
        ("must not be empty", "不能为空"),
        ("is {0} characters long; {1} are allowed", "长 {0} 个字符，最多 {1} 个"),
        ("must have at most {0} characters, none of them a control character", "最多 {0} 个字符，且不能含有控制字符"),
        ("must not hold control characters", "不能含有控制字符"),
        ("must be 1 to 63 of a-z, 0-9 and -, and not start with -", "须为 1 到 63 个 a-z、0-9 或 -，且不以 - 开头"),

        ("\"{0}\" is no time; write {1}, with or without an offset such as +08:00", "“{0}”不是时间，请写成 {1}，可带时差如 +08:00"),
        ("{0} does not exist in {1}, where the clocks go forward then; write {2} (which the clocks show as {3}) or {4} (shown as {5})",
            "{0} 在 {1} 不存在（当时拨快时钟），请写 {2}（钟面显示 {3}）或 {4}（显示 {5}）"),
        ("{0} comes twice in {1}, where the clocks go back then; write {2} (the first) or {3} (the second)",
            "{0} 在 {1} 出现两次（当时拨慢时钟），请写 {2}（第一次）或 {3}（第二次）"),
        ("\"{0}\" is no time zone known here; write an IANA name such as Asia/Shanghai or UTC",
            "没有时区“{0}”，请写 IANA 名称，例如 Asia/Shanghai 或 UTC"),
        ("\"{0}\" must be in the years 1970 to 9998, in UTC", "“{0}”须在公元 1970 至 9998 年之间（UTC）"),

        ("is test, with which anybody may pay; it is allowed only with --allow-test-payments, or rush serve --demo",
            "为 test，任何人都可付款；仅在使用 --allow-test-payments 或 rush serve --demo 时允许"),
        ("must be given, or else legPrices or pairPrices", "必须填写，或改填 legPrices 或 pairPrices"),
        ("must not be given together with legPrices or pairPrices", "不能与 legPrices 或 pairPrices 同时填写"),
        ("must not be given together with legPrices", "不能与 legPrices 同时填写"),
        ("must not be given together with pool; a tier has a pool or a capacity of its own", "不能与库存池同时填写：票档要么属于库存池，要么自有容量"),
        ("must not be given together with blocks", "不能与 blocks 同时填写"),
        ("must be given, or else capacity", "必须填写，或改填容量"),
        ("must be given, or else rows", "必须填写，或改填座位排"),
        ("must be given", "必须填写"),

        ("needs the plan's stops", "需要方案中的停站"),
        ("must be seat-now, seat-later or standing", "必须是 seat-now、seat-later 或 standing"),
        ("must be given where seats travel", "座位在行程中出售时必须填写"),
        ("must not be given for standing places", "站票不能填写"),
        ("is for seats that are numbered later", "仅用于稍后编号的座位"),
        ("is for rows that do not travel", "仅用于不在行程中的座位排"),
        ("is for places that travel", "仅用于行程中的票位"),
        ("is {0}; {1} standing places are allowed", "现为 {0}，站票最多 {1}"),
        ("is {0}; the rows have {1} seats", "现为 {0}，座位排共有 {1} 座"),
        ("have {0} seats; with {1} legs, {2} are allowed", "共有 {0} 座；{1} 个区间时最多 {2} 座"),
        ("have {0} seats; with {1} legs, {2} may be numbered later", "共有 {0} 座；{1} 个区间时最多 {2} 座可稍后编号"),
        ("have {0} seats; {1} are allowed", "共有 {0} 座，最多 {1} 座"),
        ("are for a pool that travels", "仅用于行程中的库存池"),
        ("has {0} prices; the journey has {1} legs", "有 {0} 个价格，而行程有 {1} 个区间"),
        ("have more than {0} different prices over all journeys", "各行程的不同价格超过 {0} 个"),
        ("sum up to more than {0}", "合计超过 {0}"),
        ("has {0} rows; there must be one for each stop but the last, {1}", "有 {0} 行；除末站外每站须有一行，共 {1} 行"),
        ("has {0} prices; there must be one for each stop behind, {1}", "有 {0} 个价格；之后每站须有一个，共 {1} 个"),
        ("must be between {0} and {1}", "必须在 {0} 到 {1} 之间"),
        ("must be at most {0} letters and digits", "最多 {0} 个字母或数字"),
        ("must not be given where seats are numbered later; give such places a pool of their own", "座位稍后编号时不能填写，请为此类座位另设库存池"),
        ("has more than {0} seats without an aisle", "连续超过 {0} 座而没有过道"),
        ("has seat {0} a second time", "座位 {0} 重复"),
        ("names \"{0}\", which is none of the row's seats", "“{0}”不是该排的座位"),
        ("is {0}; name the blocked places in blocks", "现为 {0}；请在 blocks 中列出锁定的座位"),
        ("is for seats and journeys; give blocked, a number", "仅用于座位和行程；请填写锁定数"),
        ("has {0} elements; {1} are allowed", "有 {0} 项，最多 {1} 项"),
        ("must go from a stop to a later one", "必须从一站到之后的一站"),
        ("is none of the pool's seats", "不是该库存池的座位"),
        ("blocks a place that is blocked already", "该票位已锁定"),
        ("\"{0}\" is none of the stops", "没有停站“{0}”"),
        ("\"{0}\" is no label: 1 to {1} letters and digits", "“{0}”不是编号：须为 1 到 {1} 个字母或数字"),
        ("\"{0}\" is no range such as {1} of at most {2}", "“{0}”不是范围，例如 {1}，最多 {2} 个"),
        ("has more than {0} labels", "编号超过 {0} 个"),

        ("The body is no JSON, at line {0}, byte {1}.", "不是 JSON：第 {0} 行，第 {1} 字节"),
        ("The body is nested too deeply.", "嵌套层次过深"),
        ("The body lacks {0}.", "缺少 {0}"),
        ("The body has the wrong type, or a number that is out of range.", "类型不对，或数字超出范围"),
        ("{0} is no member that is known here.", "没有名为 {0} 的字段"),
        ("{0} has a member twice.", "{0} 中有重复的字段"),
        ("{0} lacks {1}.", "{0} 缺少 {1}"),
        ("{0} must not be null.", "{0} 不能为 null"),
        ("{0} has the wrong type, or a number that is out of range.", "{0} 类型不对，或数字超出范围"),
        ("{0} bytes at the most", "最多 {0} 字节"),
        ("must be a JSON object", "必须是一个 JSON 对象"),
        ("must not be null", "不能为 null"),

        ("{0} is frozen. After opening, {1}", "场次已开放，{0} 不能再修改。"),
        ("Pool \"{0}\" cannot be taken away. After opening, {1}", "场次已开放，不能删除库存池“{0}”。"),
        ("Pool \"{0}\": its rows and how it travels are frozen. After opening, {1}", "场次已开放，库存池“{0}”的座位排和行程不能再修改。"),
        ("Tier \"{0}\" cannot be taken away. After opening, {1}", "场次已开放，不能删除票档“{0}”。"),
        ("Tier \"{0}\" cannot move to another pool. After opening, {1}", "场次已开放，票档“{0}”不能改用其他库存池。"),
        ("A sale that was opened with counted places only stays one: seats, journeys and a waitlist need another sale. After opening, {0}",
            "场次开放时只有计数票位，不能再增加座位、行程或候补；请另建场次。"),
        ("The prices have been changed too often.", "价格修改次数过多。"),
        ("The closing time of the plan is past; change it first.", "方案的停售时间已过，请先修改。"),
    ];

    private static readonly (Regex Pattern, string Chinese)[] Patterns = Array.ConvertAll(Sentences, pair => (
        new Regex("^" + Regex.Replace(Regex.Escape(pair.English), @"\\\{\d}", "(.+?)")
            + "$", RegexOptions.CultureInvariant | RegexOptions.Singleline),
        pair.Chinese));

    /// <summary>What the engine or the API said, in the page's language; as it is where there is no translation.</summary>
    public static string Say(Texts texts, string sentence)
    {
        if (!texts.IsChinese) return sentence;
        foreach (var (pattern, chinese) in Patterns)
        {
            if (pattern.Match(sentence) is { Success: true } found)
                return string.Format(
                    CultureInfo.InvariantCulture, chinese, [.. found.Groups.Cast<Group>().Skip(1).Select(group => group.Value)]);
        }

        return sentence;
    }

    /// <summary>Where in the form a path of the plan stands: <c>tiers[1].price</c> is the price of the second kind of tickets.</summary>
    public static string Where(Texts texts, string path)
    {
        var (row, field) = ("", path);
        if (path.IndexOf(']') is > 6 and var end
            && int.TryParse(path.AsSpan(6..end), NumberStyles.None, CultureInfo.InvariantCulture, out var at))
        {
            var list = path[..5];
            row = $"{(list == "pools" ? texts.Pool : list == "tiers" ? texts.Tier : list)} {at + 1}";
            field = path[(end + 1)..].TrimStart('.');
        }

        var label = field switch
        {
            "sale" => texts.SaleName,
            "name" => texts.NameLabel,
            "venue" => texts.Where,
            "startsAt" => texts.WhenIsIt,
            "timeZone" => texts.TimeZoneLabel,
            "currency" => texts.CurrencyLabel,
            "opensAt" => texts.OpensLabel,
            "closesAt" => texts.ClosesLabel,
            "paymentKind" => texts.PaymentLabel,
            "id" when path.StartsWith("tiers", StringComparison.Ordinal) => texts.TierId,
            "id" => "",
            "capacity" => texts.Capacity,
            "blocked" => texts.Blocked,
            "pool" => texts.Pool,
            "price" => texts.Price,
            "rules.holdSeconds" => texts.HoldSeconds,
            "rules.extensions" => texts.Extensions,
            "rules.perOrder" => texts.PerOrder,
            "rules.perBuyer" => texts.PerBuyer,
            _ => field,
        };
        return row.Length == 0 ? label : label.Length == 0 ? row : $"{row}, {label}";
    }
}

namespace TicketRush.Server.Pages;

/// <summary>
/// Everything that pages say, in both languages, side by side: what lacks one does not compile. Texts are plain; where they are put into a
/// page they are encoded.
/// </summary>
public sealed class Texts
{
    private readonly bool _chinese;

    private Texts(bool chinese) => _chinese = chinese;

    public static Texts English { get; } = new(chinese: false);
    public static Texts Chinese { get; } = new(chinese: true);
    public static Texts[] All { get; } = [English, Chinese];

    /// <summary>The language's tag: of the page, of the cookie that remembers it, of the link that changes it.</summary>
    public string Tag => Say("en", "zh");

    /// <summary>The tag for the page's <c>lang</c>.</summary>
    public string HtmlLanguage => Say("en", "zh-Hans");
    public Texts Other => _chinese ? English : Chinese;

    /// <summary>The other language's name, as its readers write it.</summary>
    public string OwnName => Say("English", "简体中文");

    // Everywhere
    public string SkipToContent => Say("Skip to the content", "跳到正文");
    public string MainNavigation => Say("Main", "主导航");
    public string Sales => Say("Tickets", "购票");
    public string FindOrder => Say("Find my order", "查找订单");
    public string Office => Say("Office", "后台");
    public string FooterPromise => Say(
        "First come, first served. Every decision is written to a journal that anybody can check.",
        "先到先得。每个决定都写入可供任何人核对的记录。");
    public string Keys => Say("Keys", "密钥");
    public string SignOut => Say("Sign out", "退出");
    public string SaleLabel => Say("Event", "场次");
    public string Back => Say("Back", "返回");
    public string BackToSales => Say("All tickets", "全部场次");

    // The sales
    public string SalesTitle => Say("Tickets", "在售场次");
    public string NoSales => Say("Nothing is on sale at the moment.", "目前没有在售的场次。");
    public string PriceFrom(string price) => Say($"from {price}", $"{price} 起");
    public string OnSale => Say("On sale", "售票中");
    public string SoldOut => Say("Sold out", "已售罄");
    public string SoldOutForNow => Say("Sold out for now", "暂时售罄");
    public string Paused => Say("Paused", "暂停售票");
    public string Closed => Say("Closed", "已结束");
    public string Stopped => Say("Not available", "暂不可用");
    public string Draft => Say("Draft", "草稿");
    public string Scheduled => Say("Opens soon", "即将开售");
    public string OpensAt(string when) => Say($"Opens {when}", $"{when} 开售");
    public string ClosesAt(string when) => Say($"On sale until {when}", $"售至 {when}");

    // One sale
    public string Where => Say("Where", "地点");
    public string WhenIsIt => Say("When", "时间");
    public string LocalTime(string zone) => Say($"local time ({zone})", $"当地时间（{zone}）");
    public string Prices => Say("Prices", "票价");
    public string TicketsLeft(int count) => Say(count == 1 ? "1 left" : $"{Number(count)} left", $"余 {Number(count)} 张");
    public string LeftLabel => Say("left", "余票");
    public string None => Say("none left", "无余票");
    public string ChooseTickets => Say("Choose tickets", "选票");
    public string Rules(int perOrder, string minutes) => Say(
        $"Up to {perOrder} tickets in one order. Once you have chosen, they are kept for you for {minutes} while you pay.",
        $"每单最多 {perOrder} 张。选好后为您保留 {minutes}，请在此期间付款。");
    public string MayComeBack(int held) => Say(
        held == 1
            ? "1 ticket is being held by somebody who has not paid yet. If it is not paid, it comes back here by itself."
            : $"{Number(held)} tickets are being held by people who have not paid yet. What is not paid comes back here by itself.",
        $"还有 {Number(held)} 张票被占住但尚未付款；若未付款，将自动回到这里。");
    public string NextBack(string when) => Say($"The next hold ends at {when} at the latest.", $"下一笔占票最迟在 {when} 到期。");
    public string NothingComesBack => Say(
        "Every ticket is paid. Only a refund could bring one back.", "所有票都已付款，只有退票才会重新放出。");
    public string NotYetOpen(string when) => Say($"Tickets go on sale {when}.", $"{when} 开售。");
    public string NotYetOpenHint => Say(
        "This page opens by itself at that moment. There is no need to reload it.", "到时本页会自动开放，无需刷新。");
    public string PausedHint => Say("The office has paused the sale. It goes on from this page.", "售票已暂停，恢复后可在本页继续购买。");
    public string ClosedHint => Say("This sale has ended. Orders can still be found.", "本场售票已结束，仍可查找订单。");
    public string StoppedHint => Say(
        "Tickets cannot be sold at this moment. Nothing that was bought is lost. Please look again later.",
        "目前暂时无法售票。已购的票不会丢失，请稍后再来。");
    public string LiveNow => Say("Live", "实时");
    public string UpdatedAt(string when) => Say($"as of {when}", $"截至 {when}");
    public string BackOnSale => Say("Tickets are available again.", "又有余票了。");

    // Choosing
    public string HowMany => Say("How many tickets?", "需要几张票？");
    public string Quantity => Say("Quantity", "数量");
    public string HowManyOf(string tier) => Say($"How many: {tier}", $"数量：{tier}");
    public string Total => Say("Total", "合计");
    public string KeepForMe => Say("Keep these tickets for me", "为我占票");
    public string NothingTakenYet(string minutes) => Say(
        $"Nothing is paid yet: the tickets are kept for you for {minutes}.", $"此时尚未付款：票将为您保留 {minutes}。");
    public string ChooseAtLeastOne => Say("Choose at least one ticket.", "请至少选择一张票。");
    public string TooManyKinds(int max) => Say($"One order may have {max} kinds of tickets.", $"一单最多 {max} 种票。");
    public string ThereIsAProblem => Say("There is a problem", "出现问题");

    // Refusals, as buyers are told
    public string RefusedSoldOut => Say("Somebody was faster: these tickets are gone.", "手慢了：这些票已被抢光。");
    public string RefusedNotEnough(int left) => Say(
        left == 1 ? "Only 1 of these is left." : $"Only {Number(left)} of these are left.", $"其中一种只剩 {Number(left)} 张。");
    public string RefusedOrderLimit(int most) => Say($"One order may have {most} tickets.", $"一单最多 {most} 张。");
    public string RefusedBuyerLimit(int more) => Say(
        more == 0 ? "You have as many tickets as one buyer may have here." : $"You may have {more} more here.",
        more == 0 ? "您在本场的票数已达上限。" : $"您在本场还可购 {more} 张。");
    public string RefusedHolds => Say(
        "You are keeping as many tickets as one buyer may at once. Pay or give back what you hold first.",
        "您同时占住的票已达上限，请先付款或归还。");
    public string RefusedIdReused => Say(
        "This form was used before. Here is a fresh one.", "此表单已使用过，请重新选择。");
    public string RefusedPlanChanged => Say("The prices or kinds of tickets have changed. Please choose again.", "票档已变更，请重新选择。");
    public string YourHold => Say("Your tickets on hold", "您占住的票");

    // The hold
    public string HoldTitle => Say("These tickets are kept for you", "已为您占票");
    public string TimeLeft => Say("Time left to pay", "剩余付款时间");
    public string KeptUntil(string when) => Say($"Kept until {when}", $"保留至 {when}");
    public string Minutes(int seconds) => seconds % 60 == 0
        ? Say(seconds == 60 ? "1 minute" : $"{seconds / 60} minutes", $"{seconds / 60} 分钟")
        : Say($"{seconds} seconds", $"{seconds} 秒");
    public string Pay(string amount) => Say($"Pay {amount}", $"支付 {amount}");
    public string Confirm => Say("Confirm the order", "确认订单");
    public string TestPayment => Say(
        "This is a trial sale: paying here moves no money.", "这是试用场次：在此付款不会产生任何费用。");
    public string NothingToPay => Say("Nothing is collected here: you only confirm.", "此处不收款，只需确认。");
    public string PayElsewhere => Say(
        "Pay at the counter, or where you were sent from: show this code before the time is up. This page turns into your order by itself.",
        "请在时间结束前到柜台（或将您引导至此的商家）付款，并出示此码。付款后本页会自动变为订单。");
    public string HoldCode => Say("Code of this hold", "占票码");
    public string MoreTime(string minutes) => Say($"I need more time (+{minutes})", $"需要更多时间（+{minutes}）");
    public string GiveBack => Say("Give the tickets back", "放弃这些票");
    public string ExtensionLimit => Say("The time was extended as often as it may be.", "延长次数已用完。");
    public string HoldExpiredTitle => Say("The time to pay has run out", "付款时间已过");
    public string HoldExpired => Say(
        "These tickets are on sale again for everybody. Nothing was paid.", "这些票已重新开放给所有人。您没有付款。");
    public string PayLate => Say(
        "As long as they are free you can still pay, and get them.", "只要还有余票，您仍可付款取得。");
    public string HoldReleasedTitle => Say("You gave these tickets back", "您已放弃这些票");
    public string HoldReleased => Say("They are on sale again. Nothing was paid.", "票已重新开放，您没有付款。");
    public string ChooseAgain => Say("Choose again", "重新选票");
    public string RefusedLate => Say(
        "The time had run out and the tickets are gone. Nothing was paid.", "付款时间已过且票已售出。您没有付款。");
    public string RefusedLateOwed => Say(
        "The time had run out and the tickets are gone. What you paid is written down and owed back to you.",
        "付款时间已过且票已售出。您支付的款项已记录，将退还给您。");
    public string RefreshPage => Say("Refresh this page", "刷新本页");

    // The order
    public string OrderTitle => Say("You have your tickets", "购票成功");
    public string OrderNumber => Say("Order", "订单号");
    public string OrderCode => Say("Order code", "取票码");
    public string OrderCodeHint => Say(
        "With this code you find your tickets again on any device, under “Find my order”.", "在任何设备上，用此码即可在“查找订单”中找回您的票。");
    public string OrderLink => Say("Link to this order", "订单链接");
    public string OrderLinkHint => Say(
        "Whoever has this link sees these tickets. Keep it as you would keep the tickets.", "任何持有此链接的人都能看到这些票，请像保管票一样保管它。");
    public string Copy => Say("Copy", "复制");
    public string Copied => Say("Copied", "已复制");
    public string Print => Say("Print", "打印");
    public string Ticket(long number) => Say($"Ticket {number}", $"票号 {number}");
    public string TicketState(bool refunded) => refunded ? Say("Refunded", "已退票") : Say("Valid", "有效");
    public string QrFor(long number) => Say($"QR code of ticket {number}", $"票号 {number} 的二维码");
    public string OrderRefunded => Say("This order was refunded", "此订单已退票");
    public string OrderPartlyRefunded => Say("Some of these tickets were refunded", "部分票已退");
    public string OrderLate => Say("Paid after the time had run out; the tickets were still free.", "付款时已超时，但票仍有余，已成功出票。");
    public string Receipt => Say("Receipt", "回执");
    public string ReceiptHint => Say(
        "This is where your order stands in the journal of the sale. With it anybody can check that it was not changed.",
        "这是您的订单在本场记录中的位置，可用于核对其未被更改。");
    public string Sequence => Say("Sequence", "序号");
    public string Hash => Say("Chain hash", "链哈希");
    public string PaidAt => Say("Paid", "付款时间");
    public string BuyMore => Say("Back to the sale", "返回场次");

    // Finding
    public string FindTitle => Say("Find my order", "查找订单");
    public string FindHint => Say(
        "Your tickets are bound to their code, not to this browser.", "票与取票码绑定，与浏览器无关。");
    public string FindButton => Say("Find", "查找");
    public string FindNothing => Say(
        "There is no order with this code in this event. Look at every character; O and 0, I and 1 are taken for each other.",
        "没有此码对应的订单。请逐字核对（O 与 0、I 与 1 视为相同）。");
    public string InThisBrowser => Say("In this browser", "本浏览器中的订单");
    public string NothingInThisBrowser => Say("Nothing was bought with this browser yet.", "此浏览器尚未购票。");
    public string CodeExample => Say("For example 1234-7K3M-Q9TX", "例如 1234-7K3M-Q9TX");
    public string StateOfHold => Say("On hold, not paid", "已占票，未付款");
    public string Tickets(int count) => Say(count == 1 ? "1 ticket" : $"{count} tickets", $"{count} 张票");

    // Waiting
    public string BusyTitle => Say("Many people are asking at this moment", "当前请求较多");
    public string BusyText => Say(
        "Nothing has been decided yet. Your request is kept, and this page asks again by itself, with the same request: you cannot buy twice.",
        "尚未作出决定。您的请求已保留，本页会自动用同一请求重试，不会重复购买。");
    public string TooOftenTitle => Say("One moment, please", "请稍候");
    public string TooOftenText => Say(
        "This browser, or the network that it is in, has asked very often. Your request is kept, and this page asks again by itself.",
        "此浏览器或所在网络请求过于频繁。您的请求已保留，本页会自动重试。");
    public string LapsedTitle => Say("A short pause", "请稍作等待");
    public string LapsedText => Say(
        "Tickets that you kept ran out unpaid a moment ago. So that everybody gets a chance, new ones can be kept after a short pause. This page goes on by itself.",
        "您刚才占住的票到期未付款。为公平起见，需稍等片刻才能再次占票。本页会自动继续。");
    public string ScheduledTitle => Say("Not yet open", "尚未开售");
    public string ScheduledText => Say(
        "You are early. Your request is kept, and this page sends it by itself when the sale opens.", "您来早了。您的请求已保留，开售时本页会自动提交。");
    public string PausedTitle => Say("The sale is paused", "售票已暂停");
    public string PausedText => Say(
        "Your request is kept, and this page sends it by itself when the sale goes on.", "您的请求已保留，恢复售票时本页会自动提交。");
    public string DiskText => Say(
        "The server cannot take orders at this moment. Your request is kept, and this page asks again by itself.",
        "服务器暂时无法接受订单。您的请求已保留，本页会自动重试。");
    public string AsksAgainIn(int seconds) => Say(
        seconds == 1 ? "Asks again in 1 second" : $"Asks again in {seconds} seconds", $"{seconds} 秒后自动重试");
    public string AsksAgain => Say("Asks again in", "自动重试倒计时");
    public string Seconds => Say("s", "秒");
    public string AskNow => Say("Ask now", "立即重试");
    public string LeaveIt => Say("Leave it, back to the sale", "不再等待，返回场次");
    public string UnknownTitle => Say("We do not know yet. Please do not buy again.", "结果尚未确定，请勿重复购买");
    public string UnknownText => Say(
        "Your request reached us, but the answer is not certain yet. This page finds out by itself and then shows you what happened. Nothing is bought twice.",
        "您的请求已送达，但结果尚未确定。本页会自动查询并显示结果，不会重复购买。");
    public string DidNotHappenTitle => Say("It did not happen", "请求没有成功");
    public string DidNotHappen => Say(
        "Now it is certain: it did not happen. Nothing was kept and nothing was paid.", "现已确定：刚才的请求没有成功，没有占票，也没有付款。");

    // Errors
    public string NotFoundTitle => Say("There is nothing here", "这里什么也没有");
    public string NotFoundText => Say(
        "The address may be mistyped, or what it showed belongs to another browser.", "地址可能有误，或其内容属于另一个浏览器。");
    public string ForbiddenTitle => Say("Your key may not do this", "您的密钥无此权限");
    public string ForbiddenText => Say("Ask the office for a key with another role.", "请向后台索取其他角色的密钥。");
    public string FormTitle => Say("This form has gone stale", "表单已失效");
    public string FormText => Say(
        "It was not made for this browser, or the cookie that belongs to it is gone. Nothing was done. Go back, and try again.",
        "表单不属于此浏览器，或相应的 Cookie 已丢失。没有进行任何操作，请返回重试。");
    public string ErrorTitle => Say("Something went wrong here", "服务器出错");
    public string ErrorText => Say(
        "It is not your fault. Whether your last request was done is shown under “Find my order”; do not buy again before you have looked.",
        "这不是您的问题。上一个请求是否完成可在“查找订单”中查看；查看之前请勿重复购买。");
    public string BadRequestTitle => Say("This request cannot be served", "无法处理此请求");
    public string CookiesNeeded => Say(
        "This browser did not send its cookie back. Tickets can be kept only for a browser that takes one.", "浏览器没有返回 Cookie。占票需要启用 Cookie。");

    /// <summary>A whole number with its thousands apart.</summary>
    public string Number(long value) => value.ToString("N0", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A calendar day and the time on the clock, such as Sunday, 18 April 2027, 19:30.</summary>
    public string Moment(DateTime local) => _chinese ? $"{Day(local)} {local:HH:mm}" : $"{Day(local)}, {local:HH:mm}";

    public string Day(DateTime local) => _chinese
        ? $"{local.Year}年{local.Month}月{local.Day}日 {ChineseDays[(int)local.DayOfWeek]}"
        : local.ToString("dddd, d MMMM yyyy", System.Globalization.CultureInfo.InvariantCulture);

    public string Month(DateTime local) => _chinese
        ? $"{local.Month}月"
        : local.ToString("MMM", System.Globalization.CultureInfo.InvariantCulture);

    private static readonly string[] ChineseDays = ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"];

    private string Say(string english, string chinese) => _chinese ? chinese : english;
}

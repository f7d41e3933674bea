namespace TicketRush.Server.Pages;

/// <summary>
/// Everything that pages say, in both languages, side by side: what lacks one does not compile. Texts are plain; where they are put into a
/// page they are encoded.
/// </summary>
public sealed partial class Texts
{
    private readonly bool _chinese;

    private Texts(bool chinese) => _chinese = chinese;

    public static Texts English { get; } = new(chinese: false);
    public static Texts Chinese { get; } = new(chinese: true);
    public static Texts[] All { get; } = [English, Chinese];

    public bool IsChinese => _chinese;

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
        "Nothing has been decided yet. Your request is kept, and this page asks again by itself, with the same request: you "
            + "cannot buy twice.",
        "尚未作出决定。您的请求已保留，本页会自动用同一请求重试，不会重复购买。");
    public string BusyLooking => Say(
        "What you want to see cannot be looked up at this moment. This page tries again by itself.", "目前暂时无法查询。本页会自动重试。");
    public string TooOftenTitle => Say("One moment, please", "请稍候");
    public string TooOftenText => Say(
        "This browser, or the network that it is in, has asked very often. Your request is kept, and this page asks again by itself.",
        "此浏览器或所在网络请求过于频繁。您的请求已保留，本页会自动重试。");
    public string LapsedTitle => Say("A short pause", "请稍作等待");
    public string LapsedText => Say(
        "Tickets that you kept ran out unpaid a moment ago. So that everybody gets a chance, new ones can be kept after a short pause. "
        + "This page goes on by itself.",
        "您刚才占住的票到期未付款。为公平起见，需稍等片刻才能再次占票。本页会自动继续。");
    public string NetworkHoldsText => Say(
        "Many buyers of your network keep tickets and have not paid yet. So that nobody can keep them all, others of the network wait until "
        + "some have paid. Your request is kept, and this page asks again by itself.",
        "您所在网络已有许多购票者占票未付款。为防止囤票，需等其中一些付款后才能继续占票。您的请求已保留，本页会自动重试。");
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
        "Your request reached us, but the answer is not certain yet. This page finds out by itself and then shows you what happened. "
        + "Nothing is bought twice.",
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
    public string BadRequestText => Say(
        "What was sent is not what this page sends, or too much of it. Nothing was done.", "发送的内容不符合要求或过大，没有进行任何操作。");
    public string TooOftenComeBack => Say(
        "This browser, or the network that it is in, has asked very often. Please come back in a minute.",
        "此浏览器或所在网络请求过于频繁，请一分钟后再来。");
    public string CookieTitle => Say("The cookie is missing", "缺少 Cookie");
    public string CookiesNeeded => Say(
        "This browser did not send the cookie by which it is known here, so nothing was done. Allow cookies for this site, and "
            + "choose again.",
        "浏览器没有返回识别所需的 Cookie，没有进行任何操作。请允许本站使用 Cookie，然后重新选票。");

    // The office
    public string SignIn => Say("Sign in", "登录");
    public string SignInHint => Say("For the people who run the sales. Sign in with the key that you were given.",
        "供售票工作人员使用。请用分配给您的密钥登录。");
    public string KeyLabel => Say("Key", "密钥");
    public string KeyWrong => Say("This key is not known here, or was revoked.", "密钥不存在或已撤销。");
    public string KeyOfShop => Say("A shop's key is for its programs; it does not sign in here.", "商家密钥仅供程序使用，不能在此登录。");
    public string KeyAgainTitle => Say("Your key, once more", "请再次输入密钥");
    public string KeyAgainText => Say(
        "You signed in a while ago, and this is something that must not happen at a desk that somebody left. What you filled in is kept.",
        "您登录已有一段时间，为防止无人看管时被他人操作，请再次输入密钥。您填写的内容已保留。");
    public string KeyNotYours => Say("That is not the key of who is signed in here.", "这不是当前登录者的密钥。");
    public string GoOn => Say("Go on", "继续");
    public string OfficeSales => Say("Sales", "全部场次");
    public string NewSale => Say("New sale", "新建场次");
    public string StateLabel => Say("State", "状态");
    public string Sold => Say("Sold", "已售");
    public string HeldLabel => Say("Held", "占票中");
    public string FreeLabel => Say("Free", "余票");
    public string Free => Say("free", "免费");
    public string Dashboard => Say("Dashboard", "总览");
    public string Counter => Say("Counter", "柜台");
    public string Orders => Say("Orders", "订单");
    public string PlanLabel => Say("Plan", "售票方案");
    public string PublicPage => Say("What buyers see", "买家页面");
    public string Watching => Say("Watching live", "实时观看");
    public string PlacesPerSecond => Say("Purchases per second", "每秒成交");
    public string LastSeconds(int seconds) => Say($"the last {seconds} seconds", $"最近 {seconds} 秒");
    public string Most(int most) => Say($"most: {Number(most)}", $"峰值 {Number(most)}");
    public string PaceSays(int now, int most) => Say(
        $"{Number(now)} purchases in the last second, {Number(most)} in the best one.", $"最近一秒成交 {Number(now)} 笔，峰值每秒 {Number(most)} 笔。");
    public string Machine => Say("This server", "本服务器");
    public string FlushTime => Say("Flush", "落盘");
    public string Worst => Say("worst", "最慢");
    public string InboxDepth => Say("Commands waiting", "等待中的请求");
    public string BatchSize => Say("Entries in a batch", "每批记录数");
    public string TurnWait => Say("Wait for the turn", "等待轮次");
    public string Refused => Say("Refused", "拒绝");
    /// <summary>A refusal in a few words, for who looks at the figures; the code where there are none.</summary>
    public string RefusedBecause(string code) => code switch
    {
        "SOLD_OUT" => Say("sold out", "已售罄"),
        "NOT_ENOUGH" => Say("not enough left", "余票不足"),
        "ORDER_LIMIT" => Say("too many in one order", "超过每单上限"),
        "BUYER_LIMIT" => Say("too many for one buyer", "超过每人上限"),
        "NOT_YET_OPEN" => Say("not yet open", "尚未开售"),
        "SALE_DRAFT" => Say("not opened", "尚未开放"),
        "SALE_PAUSED" => Say("paused", "售票已暂停"),
        "SALE_CLOSED" => Say("closed", "售票已结束"),
        "HOLD_EXPIRED" => Say("the hold had run out", "占票已过期"),
        "HOLD_RELEASED" => Say("the hold was given back", "占票已归还"),
        "EXTENSION_LIMIT" => Say("extended often enough", "延长次数已用完"),
        "ALREADY_PAID" => Say("paid already", "已付款"),
        "ALREADY_REFUNDED" => Say("refunded already", "已退票"),
        "UNKNOWN_HOLD" => Say("no such hold", "无此占票"),
        "UNKNOWN_ORDER" => Say("no such order", "无此订单"),
        "ID_REUSED" => Say("an id used twice", "编号重复使用"),
        "SEAT_TAKEN" => Say("the seat was taken", "座位已被占"),
        "NOT_TOGETHER" => Say("not together", "没有连座"),
        "PLAN_CHANGED" => Say("the plan was changed meanwhile", "方案已被他人修改"),
        "CAPACITY_IN_USE" => Say("places in use", "票位已被使用"),
        _ => code,
    };

    public string NothingRefused => Say("Nothing, since this server started.", "自本服务器启动以来没有拒绝。");
    public string Owed(int payments, string amount) => Say(
        payments == 1 ? $"1 refused payment is owed back: {amount}." : $"{Number(payments)} refused payments are owed back: {amount}.",
        $"有 {Number(payments)} 笔被拒付款应退还，共 {amount}。");
    public string Pools => Say("Pools of places", "库存池");
    public string Pool => Say("Pool", "库存池");
    public string Capacity => Say("Capacity", "容量");
    public string Blocked => Say("Blocked", "锁定");
    public string BlockedIn(string pool) => Say($"Blocked in {pool}", $"{pool} 锁定数");
    public string Save => Say("Save", "保存");
    public string Saved => Say("Saved.", "已保存。");
    public string OpenSale => Say("Open the sale", "开始售票");
    public string PauseSale => Say("Pause", "暂停");
    public string CloseSale => Say("Close", "结束");
    public string Opened => Say("The sale is open.", "已开始售票。");
    public string PausedNow => Say("The sale is paused: no new holds; paying goes on.", "已暂停：不再接受新的占票，可继续付款。");
    public string ClosedNow => Say("The sale is closed: no new holds; paying goes on.", "已结束：不再接受新的占票，可继续付款。");
    public string ExportCsv => Say("Export orders (CSV)", "导出订单（CSV）");
    public string SaleName => Say("Name in addresses", "网址名称");
    public string SaleNameHint => Say("a-z, 0-9 and -, such as spring-2027", "a-z、0-9 和 -，例如 spring-2027");
    public string SaleExists => Say("there is a sale of this name already", "已有同名场次");
    public string NameLabel => Say("Name", "名称");
    public string TimeHint => Say("2027-04-18T19:30, local time there", "2027-04-18T19:30，当地时间");
    public string TimeZoneLabel => Say("Time zone", "时区");
    public string CurrencyLabel => Say("Currency", "货币");
    public string OpensLabel => Say("On sale from", "开售时间");
    public string ClosesLabel => Say("On sale until", "停售时间");
    public string EmptyAtOnce => Say("empty: at once when opened", "留空：开放后立即开售");
    public string EmptyNever => Say("empty: until closed", "留空：直到手动结束");
    public string PaymentLabel => Say("Payment", "付款方式");
    public string PaymentExternal => Say("taken by the office or a shop", "由后台或商家收款");
    public string PaymentNone => Say("nothing is collected", "不收款");
    public string PaymentTest => Say("test: anybody may pay", "测试：任何人都可付款");
    public string PoolsHint => Say(
        "Places that are sold together. Several kinds of tickets may draw on one pool, as adults and children do. Rows left empty "
            + "do not count.",
        "一起出售的票位。多种票（如成人票和儿童票）可共用一个库存池。空行不计。");
    public string Tiers => Say("Kinds of tickets", "票档");
    public string TiersHint => Say("Prices as people write them: 380 or 380.00.", "价格按日常写法：380 或 380.00。");
    public string Tier => Say("Kind of ticket", "票档");
    public string TierId => Say("Short name", "代号");
    public string Price => Say("Price", "价格");
    public string MoreRows => Say("More rows", "增加行");
    public string RulesLabel => Say("Rules", "规则");
    public string HoldSeconds => Say("A hold lasts (seconds)", "占票时长（秒）");
    public string Extensions => Say("Extensions of a hold", "可延长次数");
    public string PerOrder => Say("Tickets in one order", "每单张数上限");
    public string PerBuyer => Say("Tickets for one buyer", "每人张数上限");
    public string CreateSale => Say("Create the sale", "创建场次");
    public string FrozenHint => Say(
        "The sale was opened: only names, venue, prices, capacity, blocked places and the closing time may change, and pools and kinds of "
        + "tickets be added.",
        "场次已开放：只能修改名称、地点、价格、容量、锁定数和停售时间，或增加库存池和票档。");
    public string ChangedMeanwhile => Say(
        "Somebody changed this sale meanwhile. What you see is your version; open the plan again to see theirs.",
            "此场次已被他人修改。您看到的是您的版本，请重新打开方案查看最新内容。");
    public string CapacityInUse(int least) => Say(
        $"The capacity must not be below {Number(least)}: so many places are sold, held or blocked.",
        $"容量不得小于 {Number(least)}：这些票位已售、已占或已锁定。");
    public string PlacesInUse => Say("Places that are taken cannot be blocked or taken away:", "已售出或占住的票位不能锁定或删除：");
    public string TooManyKeys => Say(
        "More differently named keys have acted in this sale than it can tell apart.", "在本场操作过的密钥名称过多，无法再增加。");
    public string TooManySales => Say("There are as many sales as this server may have.", "场次数量已达服务器上限。");
    public string NotDone(string code) => Say($"Refused: {RefusedBecause(code)}.", $"被拒绝：{RefusedBecause(code)}。");
    public string KeyNameTaken => Say("This name belongs to keys of another role; take another.", "此名称属于其他角色的密钥，请换一个。");
    public string TooManyKeysMade => Say("There are as many keys as there may be.", "密钥数量已达上限。");
    public string IsNoNumber => Say("must be a whole number", "必须是整数");
    public string IsNoPrice(string currency) => Say($"must be an amount of {currency}, such as 380 or 12.50",
        $"必须是 {currency} 金额，例如 380 或 12.50");
    public string TicketsLabel => Say("Tickets", "票");
    public string TicketLabel => Say("Ticket", "票");
    public string TicketHint => Say("Its number, or what its code says.", "票号或扫描内容。");
    public string BuyerLabel => Say("Buyer's name", "买家名称");
    public string BuyerHint => Say("Counts for the limit of tickets per buyer; may stay empty for somebody who walks in.", "用于每人限购；散客可留空。");
    public string SoldBy => Say("Sold by", "售出方");
    public string Browser => Say("a browser", "浏览器");
    public string PartlyRefunded => Say("Partly refunded", "部分退票");
    public string NextPage => Say("Next page", "下一页");
    public string NoOrders => Say("There are no orders yet.", "还没有订单。");
    public string NoSuchOrder => Say("There is no such order.", "没有符合的订单。");
    public string Reason => Say("Reason", "原因");
    public string ReasonHint => Say("A code, never a name: it is kept for ever.", "填写代码，勿填人名：将永久保存。");
    public string ThenThePlaces => Say("The places", "退出的票位");
    public string Resell => Say("go back on sale", "重新放出");
    public string KeepBlocked => Say("are blocked", "锁定不售");
    public string RefundHint => Say("With no ticket ticked, all that are left are refunded.", "不勾选则退还全部剩余票。");
    public string Refund => Say("Refund", "退票");
    public string Refunded(string amount) => Say($"Refunded: {amount}.", $"已退票，金额 {amount}。");
    public string AlreadyRefunded => Say("These tickets are refunded already.", "这些票已退。");
    public string ReasonInvalid => Say("The reason must be a code of a-z, 0-9 and -.", "原因必须是由 a-z、0-9 和 - 组成的代码。");
    public string PrintTickets => Say("Show and print the tickets", "查看并打印票");
    public string SellHere => Say("Sell here", "现场售票");
    public string ReferenceNeeded => Say("Write the reference of the payment.", "请填写付款凭据号。");
    public string OfficeUnknown => Say(
        "Nobody knows yet whether it happened. Send the same form again: it does nothing twice, and tells.",
        "结果尚未确定。请再次提交同一表单：不会重复执行，并会显示结果。");
    public string OfficeLooking => Say("The sale does not answer at this moment. Look again in a while.", "场次暂时没有响应，请稍后再看。");
    public string OfficeBusy => Say("Nothing was started: the sale cannot take it at this moment. Send it again.", "没有执行：场次暂时无法处理，请重新提交。");
    public string Reference => Say("Payment reference", "付款凭据号");
    public string ReferenceHint => Say("Such as the number of the receipt: the same one again is the same payment.", "例如收据号：同一凭据号视为同一笔付款。");
    public string Sell => Say("Sell", "出票");
    public string TakePayment => Say("Take the payment for a hold", "为占票收款");
    public string HoldCodeHint => Say("Scan what the buyer's page shows, or type it.", "扫描买家页面上的码，或手动输入。");
    public string ShowHold => Say("Show the hold", "显示占票");
    public string ConfirmPaid(string amount) => Say($"{amount} was paid", $"已收 {amount}");
    public string NoSuchHold => Say("There is no such hold in this sale.", "本场没有此占票。");
    public string KeyShownOnce => Say("The new key. It is shown this once; the key itself is kept nowhere.", "新密钥。仅显示这一次，系统不保存密钥本身。");
    public string KeyNameHint => Say("A desk or a shop, never a person: it stands in the journal for ever. a-z, 0-9 and -.",
        "填写柜台或商家，勿填人名：将永久写入记录。限 a-z、0-9 和 -。");
    public string RoleLabel => Say("Role", "角色");
    public string RoleStaff => Say("staff: sell, find, refund", "员工：售票、查找、退票");
    public string RoleShop => Say("shop: a program that sells", "商家：售票程序");
    public string RoleRead => Say("read: looks, changes nothing", "只读：只能查看");
    public string RoleOffice => Say("office: everything", "后台：全部权限");
    public string MakeKey => Say("Make a key", "生成密钥");
    public string KeyId => Say("Id", "编号");
    public string Made => Say("Made", "生成时间");
    public string Revoked => Say("Revoked", "已撤销");
    public string Revoke => Say("Revoke", "撤销");
    public string RevokeKey(string name) => Say($"Revoke the key of {name}", $"撤销 {name} 的密钥");

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

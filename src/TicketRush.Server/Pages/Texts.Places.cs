namespace TicketRush.Server.Pages;

// Seats, journeys and waiting.
public sealed partial class Texts
{
    // Choosing seats
    public string ChoosePlacesTitle => Say("Choose your seats", "选座");
    public string BestTitle => Say("The best free seats", "自动选最佳座位");
    public string BestHint => Say(
        "Say how many; you get the best that are free, side by side.", "选择张数，系统为您分配当前最佳的相邻座位。");
    public string WheelchairPlaces => Say("Of these, places for wheelchairs", "其中轮椅席位");
    public string WheelchairHint => Say(
        "The others get places beside them. Leave 0 if nobody needs one.", "同行者安排在旁边。无需要请保持 0。");
    public string ApartOk => Say("Seats that are not together will do, if there are no others", "若无相邻座位，可接受分开");
    public string KeepBest => Say("Keep the best for me", "为我占最佳座位");
    public string PickTitle => Say("Or pick your own seats", "或自己选座");
    public string PickHint => Say("Choose a section, then the seats in it.", "先选区域，再选座位。");
    public string MapOf(string sale) => Say($"Plan of the sections: {sale}", $"区域平面图：{sale}");
    public string NearFocus => Say("what the best seats are near to", "最佳座位以此为准");
    public string Sections => Say("Sections", "区域");
    public string Coaches => Say("Coaches", "车厢");
    public string SeatsLeft(int count) => Say(count == 1 ? "1 seat" : $"{Number(count)} seats", $"{Number(count)} 座");
    public string Full => Say("full", "已满");
    public string SectionName(string name, bool travels) => travels
        ? Say($"Coach {name}", $"{name} 车")
        : name.Length == 0 ? Say("All rows", "全部") : Say($"Section {name}", $"{name} 区");
    public string SeatOf(string section, string row, string seat, bool travels) => travels
        ? Say($"{(section.Length > 0 ? $"Coach {section}, seat " : "Seat ")}{row}{seat}",
            $"{(section.Length > 0 ? section + "车 " : "")}{row}{seat}号")
        : Say($"{(section.Length > 0 ? section + ", r" : "R")}ow {row}, seat {seat}",
            $"{(section.Length > 0 ? section + "区 " : "")}{row}排{seat}座");
    public string Row(string row) => Say($"Row {row}", $"{row}排");
    public string SeatMapTitle => Say("Seats", "座位");
    public string SeatMapHelp => Say(
        "Tick the seats that you want. With a keyboard: arrow keys move, space ticks.", "勾选所需座位。键盘操作：方向键移动，空格键选择。");
    public string LegendFree => Say("free", "可选");
    public string LegendChosen => Say("yours", "已选");
    public string LegendTaken => Say("taken", "已售");
    public string LegendWheelchair => Say("for wheelchairs", "轮椅席位");
    public string LegendCompanion => Say("beside a wheelchair", "轮椅陪同席");
    public string SeatKindSays(bool wheelchair) => wheelchair ? Say("for a wheelchair", "轮椅席位") : Say("beside a wheelchair", "陪同席");
    public string NearerThisWay => Say("Nearest here", "此侧最近");
    public string AskForWheelchair => Say("I need places for wheelchairs", "我需要轮椅席位");
    public string WithoutWheelchair => Say("I need no place for a wheelchair", "我不需要轮椅席位");
    public string SkipSeats => Say("Skip the seats", "跳过座位");
    public string OfThese(string tier) => Say($"Of these: {tier}", $"其中：{tier}");
    public string TheOthersAre(string tier) => Say($"The others are {tier}.", $"其余为{tier}。");
    public string KeepSeats => Say("Keep these seats for me", "为我占这些座位");
    public string Chosen => Say("Chosen", "已选");
    public string ChosenSeats(int count) => Say(count == 1 ? "1 seat chosen" : $"{count} seats chosen", $"已选 {count} 座");
    public string NothingChosen => Say("no seat yet", "尚未选座");
    public string LostSeat => Say("Somebody else has just taken", "刚被他人占住：");
    public string RowsFromTo(string first, string last) => Say($"Rows {first}–{last}", $"{first}–{last}排");
    public string AnotherSection => Say("Another section", "其他区域");
    public string AnotherCoach => Say("Another coach", "其他车厢");
    public string AsOfSequence(long sequence) => Say($"True at sequence {Number(sequence)}.", $"数据截至序号 {Number(sequence)}。");
    public string ChooseAtLeastOneSeat => Say("Choose at least one seat.", "请至少选择一个座位。");
    public string MoreKindsThanSeats => Say("That is more tickets than seats were chosen.", "票数多于所选座位数。");
    public string OnlyWheelchairsLeft => Say(
        "All other seats are gone, but places for wheelchairs may still be free.", "其他座位已售完，但可能仍有轮椅席位。");

    // Choosing a journey
    public string JourneyTitle => Say("Choose your journey", "选择行程");
    public string From => Say("From", "出发站");
    public string To => Say("To", "到达站");
    public string ShowJourney => Say("Show what is free", "查询余票");
    public string Journey(string from, string to) => Say($"{from} to {to}", $"{from} 至 {to}");
    public string Departs(string when) => Say($"dep. {when}", $"{when} 开");
    public string Arrives(string when) => Say($"arr. {when}", $"{when} 到");
    public string BadJourneyChosen => Say("The journey must go from a stop to a later one.", "到达站必须在出发站之后。");
    public string GivenAtOnce => Say("Seat numbers at once", "立即分配座位号");
    public string GivenLater => Say("Seat numbers come later; a seat is certain", "座位号稍后分配，保证有座");
    public string Standing => Say("Standing, no seat", "无座");
    public string Passengers => Say("Passengers", "乘车人");
    public string PassengersHint => Say(
        "One for each ticket, in the order of the classes above: a name or the number of a document. Only a keyed hash of it is kept.",
        "每张票一位，按上方席别顺序填写姓名或证件号。系统只保存其加密散列值。");
    public string PassengerNumber(int number) => Say($"Passenger {number}", $"乘车人 {number}");
    public string KeepJourney => Say("Keep these places for me", "为我占票");
    public string PickSeatIn(string tier) => Say($"Pick the seats yourself: {tier}", $"自己选座：{tier}");
    public string Matrix => Say("What is free between all stops", "各站间余票一览");
    public string MatrixOf(string tier) => Say($"Free places: {tier}", $"余票：{tier}");
    public string MatrixHint => Say("Down: where you get on. Across: where you get off.", "左列：上车站；顶行：下车站。");
    public string Show => Say("Show", "查看");
    public string ClassLabel => Say("Class", "席别");
    public string WholeJourney(string from, string to) => Say($"for the whole journey, {from} to {to}", $"全程（{from} 至 {to}）");
    public string NumbersLater => Say(
        "A seat is certain. Its number is given later, and then stands here.", "保证有座。座位号将稍后分配并显示在此。");
    public string NoSeatNumber => Say("no seat number", "无座位号");
    public string SeatComesLater => Say("seat number comes later", "座位号稍后分配");
    public string YourPlaces => Say("Your places", "您的座位");

    // Exchange
    public string Exchange => Say("Change seats or journey", "改签");
    public string ExchangeTitle => Say("Exchange", "改签");
    public string ExchangeHint => Say(
        "What you have stays yours until the new places are. Then the old ones are given back, in the same moment.",
        "在新座位确定之前，您原有的座位不会失去；成功时新旧同时交换。");
    public string ExchangeOf(int places, string amount) => Say(
        $"You give back: {Tickets(places)}, {amount}.", $"您将退回：{Tickets(places)}，{amount}。");
    public string ExchangeWhich => Say("Which tickets? None ticked means all.", "改签哪些票？不勾选表示全部。");
    public string ExchangeNow => Say("Exchange", "确认改签");
    public string ExchangedFor(string amount) => Say($"Given in exchange for places worth {amount}.", $"由价值 {amount} 的座位改签而来。");

    // Waiting for places
    public string WaitlistTitle => Say("Waitlist", "候补");
    public string WaitlistHint => Say(
        "Places that come back go to those who wait, in order of arrival, before anybody else. When it is your turn they are kept for you, "
        + "and this page says so.",
        "退回的票位按先后顺序优先提供给候补者。轮到您时将自动为您占票，并在本页通知。");
    public string JoinWaitlist => Say("Join the waitlist", "加入候补");
    public string WaitForThese => Say("Wait for these", "候补这些票");
    public string WaitingTitle => Say("You are on the waitlist", "您正在候补");
    public string NobodyAhead => Say("Nobody is before you.", "您排在最前。");
    public string Ahead(int same, int elsewhere) => Say(
        (same, elsewhere) switch
        {
            (0, 0) => "Nobody is before you.",
            (_, 0) => $"At most {Number(same)} before you wait for the same.",
            (0, _) =>
                $"Nobody before you waits for the same; at most {Number(elsewhere)} wait for other places here, and may be served first.",
            _ => $"At most {Number(same)} before you wait for the same, and {Number(elsewhere)} for other places here.",
        },
        (same, elsewhere) switch
        {
            (0, 0) => "您排在最前。",
            (_, 0) => $"前面最多有 {Number(same)} 人候补相同的票。",
            (0, _) => $"前面无人候补相同的票；最多有 {Number(elsewhere)} 人候补本场其他票，可能先于您。",
            _ => $"前面最多有 {Number(same)} 人候补相同的票，另有 {Number(elsewhere)} 人候补本场其他票。",
        });
    public string OfferLasts(string minutes) => Say(
        $"When places come, they are kept for {minutes}. This page looks by itself; you find it again under “Find my order”.",
        $"有票时将为您保留 {minutes}。本页会自动刷新，也可在“查找订单”中找到。");
    public string Leave => Say("Leave the waitlist", "退出候补");
    public string LeftTitle => Say("You left the waitlist", "您已退出候补");
    public string LeftText => Say("Nothing is kept for you, and nothing was paid.", "没有为您占票，您也没有付款。");
    public string OnWaitlist => Say("On the waitlist", "候补中");
    public string OfferCame => Say("Your places have come.", "您候补的票有了。");
    public string PlacesWanted => Say("Tickets", "张数");
    public string WaitingCount(int count) => Say(
        count == 1 ? "1 wish is on the waitlist." : $"{Number(count)} wishes are on the waitlist.", $"当前有 {Number(count)} 个候补。");

    // Refusals
    public string RefusedSeatTaken(string seat) => Say($"Somebody was faster: {seat} is gone.", $"手慢了：{seat} 已被占。");
    public string RefusedUnknownSeat => Say("One of these seats does not exist any more. Please choose again.", "所选座位不存在，请重新选择。");
    public string RefusedSeatsMixed => Say("These seats cannot be in one order. Please choose seats of one kind.", "所选座位不能在同一订单，请选择同一票档。");
    public string RefusedLeavesSingle => Say(
        "This would leave one seat alone beside yours. Please move by one seat.", "这样会留下单个空座，请移动一个座位。");
    public string RefusedPartyTooLarge(int most) => Say(
        most > 0 ? $"No row has so many seats side by side; at most {most}. Take fewer, or allow seats apart."
            : "No row has so many seats side by side.",
        most > 0 ? $"没有一排有这么多相邻座位，最多 {most} 个。请减少张数或接受分开坐。" : "没有一排有这么多相邻座位。");
    public string RefusedNotTogether => Say(
        "There are as many seats, but not together. Take fewer, or allow seats apart.", "余座足够但不相邻。请减少张数或接受分开坐。");
    public string RefusedSeatReserved => Say(
        "Places for wheelchairs are kept for those who ask for them.", "轮椅席位仅供有需要者申请。");
    public string RefusedSeatsLater => Say("Seats of this class get their numbers later; none can be chosen.", "该席别稍后分配座位号，无法自选。");
    public string RefusedPassengers => Say("Name one passenger for each ticket, nobody twice.", "请为每张票填写一位乘车人，且不可重复。");
    public string RefusedOverlap => Say(
        "One of these passengers has a place, or waits for one, on a part of this journey already.", "其中一位乘车人在该区间已有票或正在候补。");
    public string RefusedCannotWait => Say("There is no waitlist for this.", "此票不支持候补。");
    public string RefusedCannotExchange => Say(
        "This cannot be exchanged here: it is over, nothing of it is left, or its price differs. Ask at the counter.",
        "无法在此改签：已失效、已退完，或价格不同。请到柜台办理。");
    public string RefusedStillWaiting => Say("It still waits: there is nothing to pay yet.", "仍在候补中，尚无可付款的票。");

    // The office
    public string NewFromSample => Say("Start from a sample with seats or stops", "从带座位或停靠站的示例开始");
    public string SampleHall => Say("A hall of 2,000", "2,000 座音乐厅");
    public string SampleStadium => Say("A stadium of 60,000", "60,000 座体育场");
    public string SampleTrain => Say("A train of 16 coaches, 20 stops", "16 节车厢、20 站的列车");
    public string PlanText => Say("The plan as text", "方案文本");
    public string PlanTextHint => Say(
        "JSON, as the API has it. Everything that is wrong is said at once, with its line.", "JSON 格式，与 API 相同。所有错误将一次列出并标明行号。");
    public string Line(int line) => Say($"line {line}", $"第 {line} 行");
    public string SeatsAndLegs => Say("Seats and legs", "座位与区间");
    public string PlacesCountHint => Say(
        "Where places travel, each is counted once for every leg.", "按区间出售的票位，每个区间各计一次。");
    public string BlockPlaces => Say("Block places", "锁定票位");
    public string BlockHint => Say(
        "Names of seats, such as 12-7, or section and row, such as stalls-12; separated by commas or spaces.",
        "座位名如 12-7，或区域与排如 stalls-12，以逗号或空格分隔。");
    public string HowManyPlaces => Say("How many places", "票位数量");
    public string DoBlock => Say("Block", "锁定");
    public string DoFree => Say("Put on sale", "放出");
    public string BlockedNow(int count) => Say($"Blocked: {count}.", $"已锁定 {count} 个。");
    public string NoSuchPlace(string name) => Say($"There is no seat {name} in this pool.", $"该库存池没有座位 {name}。");
    public string GiveNumbers => Say("Give the seats their numbers", "分配座位号");
    public string GiveNumbersHint => Say(
        "Once, for the whole pool. From then on seats are given at once.", "整池一次性分配，此后立即给号。");
    public string Numbered => Say("The seats have their numbers.", "座位号已分配。");
    public string NotNumbered => Say("no numbers yet", "尚未分配座位号");
    public string Waiting => Say("Waiting", "候补");
    public string SeatsField => Say("Seats, if named", "指定座位");
    public string SeatsFieldHint => Say("Names, such as 12-7 12-8; empty for the best.", "如 12-7 12-8；留空则自动分配。");
    public string PassengersField => Say("Passengers, one a line", "乘车人，每行一位");
}

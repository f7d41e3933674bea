namespace TicketRush.Server.Api;

/// <summary>One example of every shape, for the description. A test reads each back through its type.</summary>
internal static class Examples
{
    public const string Id = "7d1f6c8e-2a34-4a0f-9b55-1c0e4f0d8a21";

    private const string Receipt = """
        "sequence":6,"at":"2026-11-21T07:55:32.490Z","hash":"81b961db643a43e087963239d68879f12495f56aec3db7648e5ea7bc167ea036"
        """;

    private const string Plan = """
        {"name":"Spring Concert","venue":"The Hall","startsAt":"2027-04-18T19:30:00","timeZone":"Asia/Shanghai","currency":"CNY",
         "paymentKind":"external",
        "pools":[{"id":"floor","capacity":500,"blocked":0}],"tiers":[{"id":"standing","name":"Standing","pool":"floor","price":38000}],
        "rules":{"holdSeconds":600,"extensions":1,"perOrder":6,"perBuyer":6}}
        """;

    private const string Items = """[{"tier":"standing","quantity":2}]""";
    private const string Seats = """[{"tier":"stalls","quantity":1,"seats":["A-1-12"]}]""";
    private const string PricedItems = """[{"tier":"standing","quantity":2,"price":38000}]""";
    private const string Tickets =
        """[{"number":1,"tier":"standing","price":38000,"state":"valid"},{"number":2,"tier":"standing","price":38000,"state":"valid"}]""";

    public static readonly Dictionary<string, string> Of = new()
    {
        [nameof(PlanDocument)] = Plan,
        [nameof(HoldRequest)] = $$"""{"buyer":"customer-4711","items":{{Items}},"wheelchair":0,"apart":false}""",
        [nameof(OrderRequest)] = $$"""{"buyer":"customer-4711","items":{{Items}},"reference":"bank-4711","wheelchair":0,"apart":false}""",
        [nameof(ExchangeRequest)] = $$"""
            {"of":"0b9a5c1e-6a0d-4a52-8f0e-3f1f6f2f7a10","tickets":[2],"items":{{Seats}},"reference":"bank-4712","wheelchair":0,
             "apart":false}
            """,
        [nameof(WaitRequest)] = $$"""{"buyer":"customer-4711","items":{{Items}}}""",
        [nameof(SeatsAnswer)] = $$"""{"pool":"coaches","from":"north","to":"south","seats":8,"free":"vw==",{{Receipt}}}""",
        [nameof(PayRequest)] = """{"reference":"bank-4711"}""",
        [nameof(RefundRequest)] = """{"reason":"cannot-come","tickets":[2],"resell":true}""",
        [nameof(KeyRequest)] = """{"name":"web-shop","role":"shop"}""",
        [nameof(HoldAnswer)] =
            $$"""
            {"id":"{{Id}}","state":"held","expiresAt":"2026-11-21T08:05:33.000Z","extensions":0,"items":{{PricedItems}},
             "total":76000,"currency":"CNY",{{Receipt}}}
            """,
        [nameof(OrderAnswer)] =
            $$"""
            {"id":"{{Id}}","state":"paid","late":false,"items":{{PricedItems}},"tickets":{{Tickets}},"total":76000,
             "currency":"CNY",{{Receipt}}}
            """,
        [nameof(RefundAnswer)] = $$"""{"id":"{{Id}}","tickets":[2],"amount":38000,"currency":"CNY",{{Receipt}}}""",
        [nameof(SaleChangeAnswer)] = $$"""{"sale":"spring","state":"open",{{Receipt}}}""",
        [nameof(OrderListAnswer)] =
            $$"""
            {"currency":"CNY","orders":[{"sequence":6,"at":"2026-11-21T07:55:32.490Z","state":"paid","late":false,
             "tickets":{{Tickets}},"total":76000,"by":"web-shop"}]}
            """,
        [nameof(SaleAnswer)] =
            $$"""{"sale":"spring","state":"open","sequence":6,"revision":2,"plan":{{Plan}},"owed":{"payments":0,"amount":0} }""",
        [nameof(SaleListAnswer)] = """{"sales":[{"sale":"spring","name":"Spring Concert","state":"open"}]}""",
        [nameof(AvailabilityAnswer)] =
            $$"""
            {"sale":"spring","state":"open","currency":"CNY","tiers":[{"tier":"standing","name":"Standing","price":38000,"available":498}],
            "pools":[{"pool":"floor","capacity":500,"blocked":0,"held":0,"sold":2,"free":498}],{{Receipt}}}
            """,
        [nameof(KeyAnswer)] = """{"id":"3fa085c1","name":"web-shop","role":"shop","made":"2026-11-21T07:55:32Z"}""",
        [nameof(KeyListAnswer)] = """{"keys":[{"id":"3fa085c1","name":"web-shop","role":"shop","made":"2026-11-21T07:55:32Z"}]}""",
        [nameof(NewKeyAnswer)] = """{"id":"3fa085c1","name":"web-shop","role":"shop","key":"rush_shop_3fa085c1_…"}""",
        [nameof(SessionAnswer)] = """{"token":"h4Qn…","holds":3,"waitAfterLapse":60}""",
    };
}

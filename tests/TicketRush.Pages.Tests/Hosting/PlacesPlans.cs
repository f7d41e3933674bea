namespace TicketRush.Pages.Tests.Hosting;

/// <summary>Plans with seats and stops, small enough to sell out.</summary>
internal static class PlacesPlans
{
    /// <summary>A hall of two sections and 26 seats, of which one is for a wheelchair and one beside it.</summary>
    public static string Hall(string payment = "test", bool waitlist = true, string name = "Chamber music 室内乐", bool noSingles = false) => $$"""
        {
          "name": "{{name}}", "venue": "Small Hall", "startsAt": "2027-04-18T19:30", "timeZone": "Asia/Shanghai", "currency": "CNY", "paymentKind": "{{payment}}",
          "pools": [
            { "id": "stalls", "noSingles": {{(noSingles ? "true" : "false")}}, "rows": [
              { "section": "stalls", "rows": "1-2", "seats": "1-8", "aisles": "4", "y": 4 },
              { "section": "stalls", "rows": "3", "seats": "1-4", "wheelchair": "1", "companion": "2", "y": 6 } ] },
            { "id": "balcony", "rows": [{ "section": "balcony", "rows": "A", "seats": "1-6", "y": 12 }] }
          ],
          "tiers": [{ "id": "stalls", "name": "Stalls 池座", "pool": "stalls", "price": 38000 },
                    { "id": "student", "name": "Stalls, student 学生", "pool": "stalls", "price": 19000 },
                    { "id": "balcony", "name": "Balcony 楼座", "pool": "balcony", "price": 58050 }],
          "rules": { "perOrder": 6, "perBuyer": 12, "waitlist": {{(waitlist ? "true" : "false")}} }
        }
        """;

    /// <summary>A train of three stops: eight seats that are given at once, four that are numbered later, and standing places.</summary>
    public static string Train(string payment = "test", bool passengers = true) => $$"""
        {
          "name": "G1 Beijing South – Shanghai", "venue": "Beijing South", "startsAt": "2027-02-01T08:00", "timeZone": "Asia/Shanghai", "currency": "CNY",
          "paymentKind": "{{payment}}",
          "stops": [{ "id": "beijing", "name": "北京南 Beijing South", "departs": "08:00" },
                    { "id": "nanjing", "name": "南京南 Nanjing South", "arrives": "11:14", "departs": "11:16" },
                    { "id": "shanghai", "name": "上海虹桥 Shanghai Hongqiao", "arrives": "12:28" }],
          "pools": [{ "id": "second", "travel": "seat-now", "rows": [{ "section": "01", "rows": "1-2", "seats": "A,B,C,D", "aisles": "B" }] },
                    { "id": "first", "travel": "seat-later", "rows": [{ "section": "02", "rows": "1", "seats": "A,C,D,F" }] },
                    { "id": "standing", "travel": "standing", "capacity": 10 }],
          "tiers": [{ "id": "second", "name": "二等座 Second class", "pool": "second", "legPrices": [44000, 11350] },
                    { "id": "first", "name": "一等座 First class", "pool": "first", "legPrices": [74000, 19000] },
                    { "id": "standing", "name": "无座 Standing", "pool": "standing", "legPrices": [44000, 11350] }],
          "rules": { "perOrder": 4, "perBuyer": 12, "waitlist": true, "passengers": {{(passengers ? "true" : "false")}} }
        }
        """;

    public static string Sample(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!Directory.Exists(Path.Combine(folder!.FullName, "samples", "plans"))) folder = folder.Parent;
        return File.ReadAllText(Path.Combine(folder.FullName, "samples", "plans", $"{name}.json"));
    }
}

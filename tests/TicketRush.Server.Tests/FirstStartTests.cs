using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;

namespace TicketRush.Server.Tests;

public class FirstStartTests
{
    [Fact]
    public async Task The_first_start_makes_the_data_directory_and_a_key_that_is_shown_once()
    {
        var directory = Path.Combine(Path.GetTempPath(), $"rush-first-{Guid.NewGuid():N}", "data");
        try
        {
            Assert.StartsWith("rush_office_", await MadeAt(directory));
            Assert.Null(await MadeAt(directory));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(directory)!, recursive: true);
        }
    }

    private static async Task<string?> MadeAt(string directory)
    {
        await using var app = RushServer.Build(new() { DataDirectory = directory, Urls = ["http://127.0.0.1:0"] });
        return app.Services.GetRequiredService<KeyRing>().Made;
    }
}

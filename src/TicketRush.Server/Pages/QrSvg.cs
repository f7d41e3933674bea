using System.Globalization;
using System.Text;
using QRCoder;

namespace TicketRush.Server.Pages;

/// <summary>A QR code as one path of SVG: a few kilobytes, sharp on every screen and printer, and in no need of a style.</summary>
internal static class QrSvg
{
    private const int Quiet = 2;

    public static string Of(string text)
    {
        using var code = QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.M);
        var rows = code.ModuleMatrix;

        // The library's own border is four wide; the white card around the code gives the rest.
        const int Border = 4 - Quiet;
        var size = rows.Count - 2 * Border;
        var path = new StringBuilder(4096);
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                if (!rows[y + Border][x + Border]) continue;
                var from = x;
                while (x < size && rows[y + Border][x + Border]) x++;
                path.Append(CultureInfo.InvariantCulture, $"M{from} {y}h{x - from}v1h-{x - from}z");
            }
        }

        return $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\" "
            + $"aria-hidden=\"true\">"
            + $"<path fill=\"#000\" d=\"{path}\"/></svg>";
    }
}

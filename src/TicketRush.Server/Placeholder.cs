namespace TicketRush.Server;

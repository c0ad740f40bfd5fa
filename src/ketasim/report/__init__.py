"""What people read: plain sentences, pages, figures and tables made from results."""

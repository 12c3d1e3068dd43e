# accounting
